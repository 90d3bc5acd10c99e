"""A layer whose weight was packed is the same layer."""

import pytest
import torch
from torch import nn

from tensors import PackedWeights, onednn_is_there
from tensors.machine import packed

pytestmark = pytest.mark.skipif(not onednn_is_there(), reason="this torch has no oneDNN to pack for")


@pytest.fixture(autouse=True)
def small_weights_count(monkeypatch):
    monkeypatch.setattr(packed, "SMALLEST", 64)


@pytest.mark.parametrize("rows", [1, 2, 8])
def test_a_packed_layer_is_the_layer(rows):
    layer, x = nn.Linear(48, 24), torch.randn(rows, 48)
    with torch.inference_mode(), PackedWeights() as weights:
        result = layer(x)
    assert len(weights.packed) == (rows > 1), "one row is read without"
    torch.testing.assert_close(result, layer(x), rtol=1e-5, atol=1e-5)


def test_a_weight_that_changed_is_packed_again():
    layer, x, weights = nn.Linear(48, 24), torch.randn(3, 48), PackedWeights()
    for _ in range(2):
        with torch.inference_mode(), weights:
            result = layer(x)
        torch.testing.assert_close(result, layer(x), rtol=1e-5, atol=1e-5)
        with torch.no_grad():
            layer.weight.add_(1)


def test_a_small_weight_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(packed, "SMALLEST", 48 * 24 + 1)
    layer, x = nn.Linear(48, 24), torch.randn(4, 48)
    with torch.inference_mode(), PackedWeights() as weights:
        layer(x)
    assert not weights.packed
