"""Logits some rows at a time: the numbers and gradients of all at once."""

import torch

from finetuning.losses import logit_rows
from finetuning.losses.logit_rows import log_probabilities_of, over_rows


def test_rows_in_parts_give_the_numbers_and_gradients_of_all_at_once(model, monkeypatch):
    numbers = torch.Generator().manual_seed(0)
    ids = torch.randint(model.n_vocab, (50,), generator=numbers)
    pull = torch.randn(50, generator=numbers)

    def found():
        state = torch.randn(50, 24, generator=torch.Generator().manual_seed(1)).requires_grad_()
        own = log_probabilities_of(model, state, ids, temperature=0.7)
        return own.detach(), *torch.autograd.grad((own * pull).sum(), [state, model.token_embedding.weight])

    whole = found()
    monkeypatch.setattr(logit_rows, "CHUNK_BYTES", 4 * model.n_vocab * 17)
    for got, wanted in zip(found(), whole, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)
    state = torch.randn(50, 24, generator=torch.Generator().manual_seed(1))
    wanted = (state @ model.token_embedding.weight.T / 0.7).log_softmax(-1)[range(50), ids]
    torch.testing.assert_close(whole[0], wanted, rtol=1e-5, atol=1e-6)


def test_no_more_rows_are_held_than_fit(model, monkeypatch):
    monkeypatch.setattr(logit_rows, "CHUNK_BYTES", 4 * model.n_vocab * 20)
    sizes = []
    over_rows(model, torch.zeros(45, 24), lambda logits: sizes.append(len(logits)) or logits[:, 0])
    assert sizes == [20, 20, 5]
