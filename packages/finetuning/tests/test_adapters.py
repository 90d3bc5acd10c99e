"""What an adapter changes, and what it leaves alone."""

import itertools

import pytest
import torch

from finetuning import Adapter, adapter_state, merged, with_adapter, without_adapter

ALL = ("attention.qkv", "attention.out", "feed_forward.up", "feed_forward.down")
KINDS = [
    Adapter(rank=3, alpha=5.0, method=method, root=root, targets=targets)
    for method, root, targets in itertools.product(("lora", "dora"), (False, True), (ALL, ("attention.out",)))
]
TOKENS = torch.arange(40).reshape(2, 20) * 7 % 300


@pytest.mark.parametrize("adapter", KINDS, ids=str)
def test_a_new_adapter_changes_no_bit(model, adapter):
    adapted = with_adapter(model, adapter, generator=torch.Generator().manual_seed(0))
    assert torch.equal(adapted(TOKENS), model(TOKENS))
    assert torch.equal(adapted.train()(TOKENS), model(TOKENS))


@pytest.mark.parametrize("adapter", KINDS, ids=str)
def test_merged_and_unmerged_agree_and_the_base_stays(model, shaken, adapter):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    adapted = shaken(with_adapter(model, adapter))
    plain = merged(adapted)
    assert (adapted(TOKENS) - model(TOKENS)).abs().max() > 0.1
    torch.testing.assert_close(plain(TOKENS), adapted(TOKENS), rtol=1e-5, atol=1e-5)
    assert plain.state_dict().keys() == before.keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(without_adapter(adapted)(TOKENS), model(TOKENS))


def test_the_correction_is_scaled_as_its_paper_says(model):
    """Hu et al. 2021, section 4.1: W x + (alpha / r) B A x, here by hand for one layer; rsLoRA by the root of r."""
    for root, scale in ((False, 6 / 4), (True, 6 / 2)):
        adapted = with_adapter(model, Adapter(rank=4, alpha=6.0, targets=("feed_forward.up",), root=root))
        layer = adapted.decoder.blocks[0].feed_forward.up
        with torch.no_grad():
            layer.up.normal_(generator=torch.Generator().manual_seed(1))
        x = torch.randn(5, 24, generator=torch.Generator().manual_seed(2))
        expected = x @ layer.base.weight.T + layer.base.bias + scale * (x @ layer.down.T @ layer.up.T)
        torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)


def test_only_the_adapter_learns(model):
    adapted = with_adapter(model, Adapter(rank=2, targets=("attention.qkv",), method="dora"))
    learning = {name for name, parameter in adapted.named_parameters() if parameter.requires_grad}
    assert learning == adapter_state(adapted).keys()
    assert len(learning) == 2 * 3
    adapted.loss(TOKENS[:, :-1], TOKENS[:, 1:])[0].backward()
    assert all(p.grad is None for p in model.parameters())
    assert all(adapted.get_parameter(name).grad is not None for name in learning)


def test_a_base_that_is_thawed_gets_its_gradient(model):
    """Frozen weights are spared the work; whoever thaws them by hand is not ignored."""
    layer = with_adapter(model, Adapter(rank=2, targets=("attention.out",))).decoder.blocks[0].attention.out
    x = torch.randn(3, 24, generator=torch.Generator().manual_seed(2))
    layer.base.requires_grad_(True)
    [given] = torch.autograd.grad(layer(x).sum(), layer.base.weight)
    torch.testing.assert_close(given, x.sum(0).expand(24, 24), rtol=1e-5, atol=1e-5)


def test_gradients_of_a_lora_layer_are_those_of_its_formula(model, shaken):
    """First and second ones by differences, in float64; in 16 bits against torch's autocast; and by torch.func."""
    adapted = shaken(with_adapter(model, Adapter(rank=2, alpha=3.0, targets=("attention.qkv",))))
    layer = adapted.decoder.blocks[0].attention.qkv
    x = torch.randn(2, 3, 24, generator=torch.Generator().manual_seed(2))

    def formula(x, down, up):
        return torch.nn.functional.linear(x, layer.base.weight, layer.base.bias) + layer.scale * (x @ down.T @ up.T)

    for number, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 5e-2)):
        given = [part.detach().requires_grad_() for part in (x, layer.down, layer.up)]
        with torch.autocast("cpu", torch.bfloat16, enabled=number != torch.float32):
            wanted, got = formula(*given), layer(given[0])
        assert got.dtype == number
        torch.testing.assert_close(got.float(), wanted.float(), rtol=tolerance, atol=tolerance)
        slopes = torch.autograd.grad(got.float().square().sum(), [given[0], layer.down, layer.up])
        expected = torch.autograd.grad(wanted.float().square().sum(), given)
        for one, other in zip(slopes, expected, strict=True):
            assert one.dtype == torch.float32
            torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance * float(other.abs().max()))
    [given] = torch.autograd.grad(formula(x := x.requires_grad_(), layer.down, layer.up).square().sum(), x)
    torch.testing.assert_close(torch.func.grad(lambda x: layer(x).square().sum())(x), given, rtol=1e-5, atol=1e-5)
    layer, x = layer.double(), x.double()
    inputs = (x[0, :2].detach().requires_grad_(), layer.down, layer.up)
    assert torch.autograd.gradcheck(lambda x, *_: layer(x), inputs)
    assert torch.autograd.gradgradcheck(lambda x, *_: layer(x), inputs)


def test_gradients_of_a_dora_layer_are_those_of_its_formula(model):
    """Against autograd on equation 5 written out, the length held fixed as in section 4.3."""
    adapted = with_adapter(model, Adapter(rank=2, alpha=3.0, targets=("attention.out",), method="dora"))
    layer = adapted.decoder.blocks[1].attention.out
    with torch.no_grad():
        layer.up.normal_(generator=torch.Generator().manual_seed(1))
        layer.magnitude.mul_(1.3)
    x = torch.randn(4, 24, generator=torch.Generator().manual_seed(2))
    parts = [layer.down, layer.up, layer.magnitude]
    direction = layer.base.weight + layer.scale * layer.up @ layer.down
    weight = direction * (layer.magnitude / direction.norm(dim=1).detach())[:, None]
    expected = x @ weight.T + layer.base.bias
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)
    given = torch.autograd.grad(layer(x).square().sum(), parts)
    wanted = torch.autograd.grad(expected.square().sum(), parts)
    torch.testing.assert_close(given, wanted, rtol=1e-4, atol=1e-4)


def test_dropout_acts_on_the_correction_alone(model, shaken):
    for method in ("lora", "dora"):
        adapter = Adapter(rank=2, dropout=0.5, method=method, targets=("attention.qkv",))
        layer = shaken(with_adapter(model, adapter)).decoder.blocks[0].attention.qkv
        x = torch.randn(6, 24, generator=torch.Generator().manual_seed(0))
        still = layer.eval()(x)
        torch.manual_seed(0)
        moving = torch.stack([layer.train()(x) for _ in range(400)])
        assert not torch.equal(moving[0], moving[1])
        torch.testing.assert_close(moving.mean(0), still, rtol=0.2, atol=0.5)


def test_one_base_serves_several_adapters(model, shaken):
    first, second = (shaken(with_adapter(model, Adapter(rank=2)), seed) for seed in (1, 2))
    assert not torch.equal(first(TOKENS), second(TOKENS))
    shared = first.decoder.blocks[0].attention.qkv.base.weight
    assert shared is second.decoder.blocks[0].attention.qkv.base.weight is model.decoder.blocks[0].attention.qkv.weight


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rank": 0}, "rank: wanted 1 or more"),
        ({"alpha": 0.0}, "alpha: wanted a number above 0"),
        ({"alpha": float("nan")}, "alpha: wanted a number above 0"),
        ({"alpha": float("inf")}, "alpha: wanted a number above 0"),
        ({"dropout": 1.0}, "dropout: wanted from 0 to below 1"),
        ({"method": "vera"}, "method: wanted one of lora, dora"),
        ({"targets": ()}, "targets: wanted some of"),
        ({"targets": ("c_attn",)}, "targets: wanted some of attention.qkv"),
        ({"targets": ("wte",)}, "head is its table"),
    ],
)
def test_adapters_that_cannot_be_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Adapter(**given)


def test_models_that_cannot_be_adapted_are_refused(model):
    with pytest.raises(ValueError, match=r"rank: wanted 1\.\.24"):
        with_adapter(model, Adapter(rank=25))
    adapted = with_adapter(model, Adapter(rank=2))
    with pytest.raises(ValueError, match="one without an adapter"):
        with_adapter(adapted, Adapter(rank=2))
    with pytest.raises(ValueError, match="one with an adapter"):
        merged(model)


class Whole(torch.nn.Module):
    """A layer of whole numbers, as quantization's are seen from here."""

    def __init__(self, layer):
        super().__init__()
        weight = layer.weight.detach()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.scale = weight.abs().amax(1) / 127
        self.weight, self.bias = (weight / self.scale[:, None]).round().to(torch.int8), layer.bias

    def restored(self):
        return self.weight * self.scale[:, None]

    def forward(self, x):
        return torch.nn.functional.linear(x, self.restored(), self.bias)


def test_an_adapter_restores_no_weights_of_whole_numbers(model, monkeypatch):
    """They would lie in memory as floats for a moment, a layer after the other, and the process would keep that."""
    monkeypatch.setattr(Whole, "restored", lambda self: pytest.fail("restored"))
    for block in model.decoder.blocks:
        block.attention.qkv = Whole(block.attention.qkv)
    adapted = with_adapter(model, Adapter(rank=2, targets=("attention.qkv",)))
    assert adapted.decoder.blocks[0].attention.qkv.down.shape == (2, 24)
    assert adapted.decoder.blocks[0].attention.qkv.up.shape == (72, 2)


def test_a_base_of_whole_numbers_is_adapted_but_not_merged(model, shaken):
    for block in model.decoder.blocks:
        block.attention.qkv = Whole(block.attention.qkv)
    for method in ("lora", "dora"):
        adapted = with_adapter(model, Adapter(rank=2, targets=("attention.qkv",), method=method))
        assert torch.equal(adapted(TOKENS), model(TOKENS))
        adapted(TOKENS).square().sum().backward()
        assert all(adapted.get_parameter(name).grad is not None for name in adapter_state(adapted))
        with pytest.raises(ValueError, match="wanted a base in float, got Whole"):
            merged(shaken(adapted))
