import pytest
import torch

from gpt2 import GPT2, GPT2Config, head_cross_entropy, head_loss


@pytest.mark.parametrize("chunk_bytes", [1, 32 * 2**20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sum_and_gradients_equal_torchs_cross_entropy(chunk_bytes, dtype, monkeypatch):
    monkeypatch.setattr(head_loss, "CHUNK_BYTES", chunk_bytes)
    generator = torch.Generator().manual_seed(0)
    state = torch.randn(5, 9, 16, generator=generator, dtype=dtype, requires_grad=True)
    weight = torch.randn(33, 16, generator=generator, dtype=dtype, requires_grad=True)
    targets = torch.randint(33, (5, 9), generator=generator)
    targets[0, 3:] = -100
    targets[2] = -1
    ours, count = head_cross_entropy(state, weight, targets)
    wanted = torch.where(targets < 0, -100, targets).flatten()
    theirs = torch.nn.functional.cross_entropy((state @ weight.T).flatten(0, 1), wanted, reduction="sum")
    assert int(count) == int((targets >= 0).sum()) == 30
    torch.testing.assert_close(ours.double(), theirs.double(), rtol=1e-6, atol=0)
    our_gradients = torch.autograd.grad(ours * 3, (state, weight))
    their_gradients = torch.autograd.grad(theirs * 3, (state, weight))
    torch.testing.assert_close(our_gradients, their_gradients, rtol=1e-5, atol=1e-5)


def test_without_gradients_only_the_sum_is_computed():
    state, weight = torch.randn(4, 8), torch.randn(11, 8)
    with torch.inference_mode():
        total, _ = head_cross_entropy(state, weight, torch.arange(4))
    torch.testing.assert_close(
        total, torch.nn.functional.cross_entropy(state @ weight.T, torch.arange(4), reduction="sum")
    )


def test_extreme_logits_stay_finite():
    state = torch.full((2, 4), 1e4, requires_grad=True)
    weight = torch.eye(3, 4) * 1e3
    total, _ = head_cross_entropy(state, weight, torch.tensor([0, 1]))
    total.backward()
    assert total.isfinite()
    assert state.grad.isfinite().all()


def test_a_target_outside_the_vocabulary_is_an_error():
    with pytest.raises((IndexError, RuntimeError), match="index"):
        head_cross_entropy(torch.randn(2, 4), torch.randn(3, 4), torch.tensor([0, 3]))


TARGETS = torch.tensor([0, 3, -1, 6, 2])


def ours(state, weight):
    return head_cross_entropy(state, weight, TARGETS)[0]


def theirs(state, weight):
    wanted = torch.where(TARGETS < 0, -100, TARGETS)
    return torch.nn.functional.cross_entropy(state @ weight.T, wanted, reduction="sum")


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(n, 4, generator=generator, dtype=torch.float64, requires_grad=True) for n in (5, 7)]


def test_second_derivatives_equal_torchs(inputs):
    hessian = torch.autograd.functional.hessian
    wanted = hessian(theirs, tuple(inputs))
    assert all(float(block.abs().max()) > 0.3 for row in wanted for block in row)
    torch.testing.assert_close(hessian(ours, tuple(inputs)), wanted, rtol=1e-5, atol=1e-6)
    penalties = []
    for loss in (ours, theirs):
        (gradient,) = torch.autograd.grad(loss(*inputs) * 3, inputs[1], create_graph=True)
        penalties.append(torch.autograd.grad(gradient.square().sum(), inputs))
    torch.testing.assert_close(*penalties, rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:FutureWarning")  # torch's own, in jvp
def test_the_transforms_of_torch_func_equal_torchs(inputs):
    func, close = torch.func, {"rtol": 1e-5, "atol": 1e-6}
    torch.testing.assert_close(func.hessian(ours)(*inputs), func.hessian(theirs)(*inputs), **close)
    states = torch.stack([inputs[0].detach(), inputs[0].detach() * 2])
    each = [func.vmap(func.grad(loss, argnums=1), in_dims=(0, None))(states, inputs[1]) for loss in (ours, theirs)]
    torch.testing.assert_close(*each, **close)
    tangents = [func.jvp(lambda x, f=loss: f(x, inputs[1]), (inputs[0],), (states[1],)) for loss in (ours, theirs)]
    torch.testing.assert_close(*tangents, **close, check_dtype=False)


def test_second_derivatives_of_a_whole_model_equal_those_of_its_logits(model, tokens):
    """A Hessian-vector product through everything that has a backward pass of its own; the head is the embedding, so
    that its gradient goes two ways."""
    parameters = list(model.parameters())
    products = []
    for loss in (
        lambda: model.loss(tokens, tokens)[0],
        lambda: torch.nn.functional.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten(), reduction="sum"),
    ):
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            gradients = torch.autograd.grad(loss(), parameters, create_graph=True)
            products.append(torch.autograd.grad(sum(g.square().sum() for g in gradients), parameters))
    largest = max(float(product.abs().max()) for product in products[1])
    torch.testing.assert_close(*products, rtol=1e-3, atol=1e-4 * largest)


def gradients_of_the_table(model, tokens, loss):
    model.zero_grad()
    loss(model, tokens).backward()
    return model.token_embedding.weight.grad


def test_the_rows_that_were_read_are_added_to_the_heads_gradient_in_place(monkeypatch):
    model = GPT2(GPT2Config(n_vocab=60, n_ctx=16, n_embd=8, n_head=2, n_layer=2))
    tokens = torch.randint(20, (3, 16), generator=torch.Generator().manual_seed(0))  # many twice
    made, backward = [], head_loss._HeadCrossEntropy.backward

    def watched(ctx, scale):
        handed = backward(ctx, scale)
        made.append(handed[1].data_ptr())
        return handed

    monkeypatch.setattr(head_loss._HeadCrossEntropy, "backward", staticmethod(watched))
    ours = gradients_of_the_table(model, tokens, lambda m, t: m.loss(t, t.roll(-1, 1))[0])
    assert ours.data_ptr() == made[0], "no second tensor of the table's size"
    theirs = gradients_of_the_table(
        model, tokens, lambda m, t: head_cross_entropy(m.hidden(t), m.token_embedding.weight, t.roll(-1, 1))[0]
    )
    assert torch.equal(ours, theirs), "autograd's own sum, bit for bit"


def test_a_second_way_back_finds_the_same_gradients():
    model = GPT2(GPT2Config(n_vocab=60, n_ctx=16, n_embd=8, n_head=2, n_layer=1))
    tokens = torch.randint(60, (2, 16), generator=torch.Generator().manual_seed(0))
    total, _ = model.loss(tokens, tokens)
    first = torch.autograd.grad(total, list(model.parameters()), retain_graph=True)
    kept = [gradient.clone() for gradient in first]
    second = torch.autograd.grad(total, list(model.parameters()), retain_graph=True)
    torch.testing.assert_close(second, first)
    assert all(torch.equal(a, b) for a, b in zip(first, kept, strict=True)), "what was handed out is not touched again"


def test_vectors_that_were_replaced_leave_the_table_the_heads_gradient():
    model = GPT2(GPT2Config(n_vocab=60, n_ctx=16, n_embd=8, n_head=2, n_layer=1))
    tokens = torch.arange(16)[None]
    edited = model.token_embedding.register_forward_hook(lambda *_: torch.ones(1, 16, 8))
    head_alone = gradients_of_the_table(model, tokens, lambda m, t: m.loss(t, t)[0]).clone()
    edited.remove()
    state = model.decoder(torch.ones(1, 16, 8) + model.position_embedding(tokens))
    logits = model.final_norm(state).detach() @ model.token_embedding.weight.T
    (theirs,) = torch.autograd.grad(
        torch.nn.functional.cross_entropy(logits[0], tokens[0], reduction="sum"), [model.token_embedding.weight]
    )
    torch.testing.assert_close(head_alone, theirs)
