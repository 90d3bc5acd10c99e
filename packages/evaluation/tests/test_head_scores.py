"""The head in tiles is log-softmax, at sizes that tiles divide and at sizes that they don't."""

import pytest
import torch

from evaluation import head_scores


@pytest.mark.parametrize(("rows", "n_vocab"), [(1, 1), (7, 10), (9, 24), (5, 25)])
def test_tiles_give_the_cross_entropy_of_torch(rows, n_vocab, monkeypatch):
    monkeypatch.setattr(head_scores, "TILE", 8)
    monkeypatch.setattr(head_scores, "ROWS", 4)
    generator = torch.Generator().manual_seed(rows)
    state, weight = (30 * torch.randn(n, 6, generator=generator) for n in (rows, n_vocab))
    targets = torch.randint(n_vocab, (rows,), generator=generator)
    logits = (state.double() @ weight.double().T).float()
    nats, likeliest = head_scores.score_head(state, weight, targets)
    theirs = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    torch.testing.assert_close(nats, theirs, rtol=1e-5, atol=1e-3)
    assert torch.equal(likeliest, logits.argmax(1) == targets)
    torch.testing.assert_close(head_scores.score_logits(logits, targets)[0], theirs)


def test_no_rows_give_no_scores():
    nats, likeliest = head_scores.score_head(torch.zeros(0, 3), torch.zeros(5, 3), torch.zeros(0, dtype=torch.int64))
    assert nats.shape == likeliest.shape == (0,)
    assert likeliest.dtype == torch.bool
