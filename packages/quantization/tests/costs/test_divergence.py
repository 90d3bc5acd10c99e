"""How far predictions move."""

import pytest
import torch
from torch.nn import functional

from quantization import (
    divergences,
    quantize,
)
from quantization.costs.divergence import batches


def test_divergence_is_torchs_and_counts_changed_words(model, rows):
    small = quantize(model, "int4")
    found = divergences(model, {"int4": small, "itself": model}, rows)
    with torch.inference_mode():
        ours, theirs = small(torch.stack(rows)).log_softmax(-1), model(torch.stack(rows)).log_softmax(-1)
    nats = functional.kl_div(ours, theirs, log_target=True, reduction="none").sum(-1).mean()
    assert found["int4"].nats == pytest.approx(float(nats), rel=1e-4)
    assert found["int4"].agreement == float((ours.argmax(-1) == theirs.argmax(-1)).double().mean())
    assert (found["itself"].nats, found["itself"].agreement, found["itself"].tokens) == (0, 1, 192)


def test_rows_of_one_length_go_together_up_to_a_limit():
    rows = [torch.zeros(length, dtype=torch.long) for length in (40, 40, 40, 30, 300, 40)]
    assert [tuple(batch.shape) for batch in batches(rows, 100)] == [(2, 40), (1, 40), (1, 30), (1, 300), (1, 40)]
