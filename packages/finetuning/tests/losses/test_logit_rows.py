"""Logits some rows at a time: the numbers and gradients of all at once."""

import pytest
import torch

from finetuning.losses import logit_rows
from finetuning.losses.logit_rows import log_probabilities_of, over_rows


@pytest.mark.parametrize(("rows", "temperature"), [(16, 1.0), (50, 1.0), (16, 0.7)])
def test_log_probabilities_and_their_gradients_are_torchs(model, monkeypatch, rows, temperature):
    monkeypatch.setattr(logit_rows, "CHUNK_BYTES", 4 * rows * model.n_vocab)
    numbers = torch.Generator().manual_seed(0)
    state = torch.randn(50, 24, generator=numbers).requires_grad_()
    ids = torch.randint(model.n_vocab, (50,), generator=numbers)
    upstream = torch.randn(50, generator=numbers)
    table = model.token_embedding.weight
    ours = log_probabilities_of(model, state, ids, temperature)
    theirs = (state @ table.T / temperature).log_softmax(-1)[torch.arange(50), ids]
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    found = torch.autograd.grad((ours * upstream).sum(), [state, table])
    expected = torch.autograd.grad((theirs * upstream).sum(), [state, table])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    table.requires_grad_(False)
    [alone] = torch.autograd.grad((log_probabilities_of(model, state, ids, temperature) * upstream).sum(), [state])
    assert torch.equal(alone, found[0])


@pytest.mark.parametrize("frozen", [True, False])
def test_under_autocast_the_gradients_are_those_of_float32_but_for_rounding(model, monkeypatch, frozen):
    monkeypatch.setattr(logit_rows, "CHUNK_BYTES", 4 * 16 * model.n_vocab)
    numbers = torch.Generator().manual_seed(0)
    state = torch.randn(50, 24, generator=numbers).requires_grad_()
    ids = torch.randint(model.n_vocab, (50,), generator=numbers)
    table = model.token_embedding.weight.requires_grad_(not frozen)
    learned = [state] if frozen else [state, table]
    exact = log_probabilities_of(model, state, ids)
    with torch.autocast("cpu", torch.bfloat16):
        short = log_probabilities_of(model, state, ids)
    assert short.dtype == torch.float32
    assert not torch.equal(short, exact)
    torch.testing.assert_close(short, exact, rtol=0.02, atol=0.02)
    found, expected = (torch.autograd.grad(each.sum(), learned) for each in (short, exact))
    for got, wanted in zip(found, expected, strict=True):
        assert got.dtype == torch.float32
        assert (got - wanted).norm() < 0.02 * wanted.norm()


def test_what_is_asked_in_parts_has_the_gradients_of_all_at_once(model, monkeypatch):
    def found():
        state = torch.randn(50, 24, generator=torch.Generator().manual_seed(1)).requires_grad_()
        asked = over_rows(model, state, lambda logits: logits.softmax(-1).square().sum(-1))
        return asked.detach(), *torch.autograd.grad(asked.sum(), [state, model.token_embedding.weight])

    whole = found()
    monkeypatch.setattr(logit_rows, "CHUNK_BYTES", 4 * model.n_vocab * 17)
    for got, wanted in zip(found(), whole, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)


def test_no_more_rows_are_held_than_fit(model, monkeypatch):
    monkeypatch.setattr(logit_rows, "CHUNK_BYTES", 4 * model.n_vocab * 20)
    sizes = []
    over_rows(model, torch.zeros(45, 24), lambda logits: sizes.append(len(logits)) or logits[:, 0])
    assert sizes == [20, 20, 5]
