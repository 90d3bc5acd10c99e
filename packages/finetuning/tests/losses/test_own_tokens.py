"""Log-probabilities of tokens and their gradients, some rows at a time, against torch with all logits at once."""

import pytest
import torch

from finetuning.losses import own_tokens
from finetuning.losses.own_tokens import own_log_probabilities


@pytest.mark.parametrize("rows", [16, 50])
def test_values_and_gradients_are_torchs(model, monkeypatch, rows):
    monkeypatch.setattr(own_tokens, "CHUNK_BYTES", 4 * rows * model.n_vocab)
    numbers = torch.Generator().manual_seed(0)
    state = torch.randn(50, 24, generator=numbers).requires_grad_()
    ids = torch.randint(model.n_vocab, (50,), generator=numbers)
    upstream = torch.randn(50, generator=numbers)
    table = model.token_embedding.weight
    ours = own_log_probabilities(model, state, ids)
    theirs = (state @ table.T).log_softmax(-1)[torch.arange(50), ids]
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    found = torch.autograd.grad((ours * upstream).sum(), [state, table])
    expected = torch.autograd.grad((theirs * upstream).sum(), [state, table])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    table.requires_grad_(False)
    [alone] = torch.autograd.grad((own_log_probabilities(model, state, ids) * upstream).sum(), [state])
    assert torch.equal(alone, found[0])
