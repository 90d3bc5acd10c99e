import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from tensors import Value, softmax_cross_entropy

LOGITS = Value([[0.5, 1.0], [2.0, 0.0]])


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 2**20), st.sampled_from([1, 30, 1000]))
def test_cross_entropy_is_torchs_even_where_exp_overflows(n, classes, seed, scale):
    random = np.random.default_rng(seed)
    array, targets = scale * random.normal(size=(n, classes)), random.integers(classes, size=n)
    ours, theirs = Value(array), torch.tensor(array, requires_grad=True)
    our_loss = softmax_cross_entropy(ours, targets)
    their_loss = torch.nn.functional.cross_entropy(theirs, torch.tensor(targets))
    our_loss.backward()
    their_loss.backward()
    np.testing.assert_allclose(our_loss.data, their_loss.item(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), atol=1e-9)


@pytest.mark.parametrize(
    ("call", "kind", "got"),
    [
        pytest.param(
            lambda: softmax_cross_entropy(LOGITS, [0.0, 1.0]), ValueError, "float64", id="targets that are not integers"
        ),
        pytest.param(lambda: softmax_cross_entropy(LOGITS, [0]), ValueError, "(1,)", id="too few targets"),
        pytest.param(lambda: softmax_cross_entropy(LOGITS, [0, 2]), ValueError, "[0 2]", id="target past the end"),
    ],
)
def test_a_refusal_says_what_was_wanted_what_came_and_what_to_do(call, kind, got, refused):
    refused(call, kind, got)
