"""Metrics over batches equal those of the whole set."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from trainkit import (
    IGNORED,
    Accuracy,
    ConfusionMatrix,
)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 7), min_size=1, max_size=5), st.integers(1, 4))
def test_streamed_metrics_equal_those_of_the_whole_set(seed, sizes, k):
    generator = torch.Generator().manual_seed(seed)
    n = sum(sizes)
    logits, targets = torch.randn(n, 4, generator=generator), torch.randint(4, (n,), generator=generator)
    accuracy, confusion = Accuracy(k), ConfusionMatrix(4)
    for part, goals in zip(logits.split(sizes), targets.split(sizes), strict=True):
        accuracy.add(part, goals)
        confusion.add(part, goals)
        accuracy.add(part, torch.full_like(goals, IGNORED))
    ranks = [int((row > row[goal]).sum()) for row, goal in zip(logits, targets, strict=True)]
    assert accuracy.value == pytest.approx(sum(rank < k for rank in ranks) / n)
    counts = torch.zeros(4, 4, dtype=torch.int64)
    for row, goal in zip(logits, targets, strict=True):
        counts[goal, row.argmax()] += 1
    assert torch.equal(confusion.counts, counts)
    assert confusion.accuracy == pytest.approx(sum(rank == 0 for rank in ranks) / n)
    assert confusion.recall[0].item() == pytest.approx(float(counts[0, 0] / counts[0].sum()), nan_ok=True)
    assert confusion.precision[3].item() == pytest.approx(float(counts[3, 3] / counts[:, 3].sum()), nan_ok=True)
