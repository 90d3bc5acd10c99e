"""Ours against `transformers.GPT2LMHeadModel`: the same weights give the same logits, loss, gradients and next ids."""

import pytest
import torch

import gpt2
from gpt2.files.names import to_published

from .conftest import CONFIG


@pytest.fixture
def theirs(model, tokenizer, tmp_path, transformers):
    gpt2.save(tmp_path / "ours", model, tokenizer)
    return transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "ours").eval()


def test_logits_equal(model, theirs, tokens):
    torch.testing.assert_close(model(tokens), theirs(tokens).logits, atol=1e-5, rtol=0)


def test_loss_and_every_gradient_equal(model, theirs, tokens):
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    total, count = model.loss(inputs, targets)
    (total / count).backward()
    their_loss = theirs(tokens, labels=tokens).loss
    their_loss.backward()
    torch.testing.assert_close(total / count, their_loss, atol=1e-4, rtol=0)
    their_gradients = {name: p.grad for name, p in theirs.named_parameters() if p.grad is not None}
    our_gradients = to_published({name: p.grad for name, p in model.named_parameters()}, CONFIG.n_layer)
    assert our_gradients.keys() == their_gradients.keys()
    for name, gradient in our_gradients.items():
        torch.testing.assert_close(gradient, their_gradients[name], atol=1e-4, rtol=1e-4, msg=lambda m, n=name: n + m)


def test_their_folder_opens_here(theirs, tokenizer, tokens, tmp_path):
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.mul_(1.5)
    theirs.save_pretrained(tmp_path / "theirs")
    tokenizer.save(tmp_path / "theirs", n_ctx=CONFIG.n_ctx)
    ours, _ = gpt2.load(tmp_path / "theirs")
    torch.testing.assert_close(ours(tokens), theirs(tokens).logits, atol=1e-5, rtol=0)


def test_what_was_saved_loads_to_the_same_bits(model, tokenizer, tmp_path):
    gpt2.save(tmp_path, model, tokenizer)
    loaded, its_tokenizer = gpt2.load(tmp_path)
    assert its_tokenizer.fingerprint == tokenizer.fingerprint
    assert not loaded.training
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), loaded.parameters(), strict=True))


@torch.inference_mode()
def test_cache_and_ragged_rows_change_nothing(model):
    tokens = torch.randint(CONFIG.n_vocab, (2, 24), generator=torch.Generator().manual_seed(5))
    lengths = [24, 17]
    whole = [model(tokens[row : row + 1, :n])[0] for row, n in enumerate(lengths)]
    cache = model.new_cache(2)
    first, second = torch.tensor([10, 3]), torch.tensor([14, 14])
    a = model(tokens[:, :10], cache, first)
    rest = torch.stack([tokens[0, 10:24], tokens[1, 3:17]])
    b = model(rest, cache, second)
    for row, n in enumerate(lengths):
        together = torch.cat([a[row, : first[row]], b[row, : second[row]]])
        torch.testing.assert_close(together, whole[row][:n], atol=1e-5, rtol=0)


def test_last_only_is_the_last_real_token(model, tokens):
    lengths = torch.tensor([20, 7, 1])
    full = model(tokens)
    picked = torch.stack([full[row, n - 1] for row, n in enumerate(lengths)])
    torch.testing.assert_close(model(tokens, lengths=lengths, last_only=True), picked, atol=1e-5, rtol=0)
    torch.testing.assert_close(model(tokens, last_only=True), full[:, -1], atol=1e-5, rtol=0)


def test_initial_weights_follow_the_published_distribution():
    config = gpt2.GPT2Config(n_vocab=2000, n_ctx=512, n_embd=128, n_head=4, n_layer=8)
    model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(0))
    deviations = {
        "token_embedding.weight": 0.02,
        "position_embedding.weight": 0.01,
        "attention.qkv.weight": 0.02,
        "feed_forward.up.weight": 0.02,
        "attention.out.weight": 0.02 / 4,
        "feed_forward.down.weight": 0.02 / 4,
    }
    checked = 0
    for name, parameter in model.state_dict().items():
        if name.endswith("bias"):
            assert not parameter.any(), name
        elif "norm" in name:
            assert (parameter == 1).all(), name
        else:
            wanted = next(value for ending, value in deviations.items() if name.endswith(ending))
            assert abs(float(parameter.std()) / wanted - 1) < 0.03, name
            assert abs(float(parameter.mean())) < 0.05 * wanted, name
            checked += 1
    assert checked == 2 + 4 * config.n_layer


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m(torch.zeros(1, 25, dtype=torch.long)), ["at most 24 (n_ctx)", "25 more", "cut the text"]),
        (lambda m: m(torch.zeros(1, 0, dtype=torch.long)), ["at least one", "(1, 0)"]),
        (lambda m: m.new_cache(1, 25), ["1..24", "got 25"]),
    ],
)
def test_what_does_not_fit_is_refused(model, call, words):
    with pytest.raises(ValueError, match="wanted") as error:
        call(model)
    assert all(word in str(error.value) for word in words), error.value


@torch.inference_mode()
def test_a_full_cache_is_refused(model):
    cache = model.new_cache(1)
    model(torch.zeros(1, 20, dtype=torch.long), cache)
    with pytest.raises(ValueError, match="20 in the cache and 5 more"):
        model(torch.zeros(1, 5, dtype=torch.long), cache)
