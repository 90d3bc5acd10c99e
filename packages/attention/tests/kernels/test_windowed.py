"""Window by window, the same numbers and gradients as all at once, and far fewer pairs."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from attention import attend, attend_reference, causal, dilated, documents, padding, sliding_window

B, H, D = 2, 2, 4


def masks(length):
    lengths = torch.tensor([length - 70, length])
    ids = torch.arange(length) // 50
    return {
        "causal window": causal() & sliding_window(16),
        "both ways": sliding_window(16),
        "wide": causal() & sliding_window(90),
        "itself only": sliding_window(1),
        "gaps": sliding_window(40) & dilated(3),
        "padding": causal() & sliding_window(16) & padding(lengths),
        "documents": sliding_window(16) & documents(ids),
        "documents by row": sliding_window(16) & documents(torch.stack([ids, ids.flip(0)])),
        "the future only": ~causal() & sliding_window(16),
    }


@pytest.mark.parametrize("length", [384, 401])
@pytest.mark.parametrize("name", masks(401))
def test_output_and_gradients_are_those_of_the_reference(name, length, kernel_calls):
    mask = masks(length)[name]
    q, k, v = (torch.randn(B, H, length, D, dtype=torch.float64, requires_grad=True) for _ in range(3))
    output = attend(q, k, v, mask)
    assert kernel_calls[0]["attn_mask"].numel() < B * length * length / 1.5  # the path was taken
    expected, _ = attend_reference(q, k, v, mask.dense(B, length, length))
    torch.testing.assert_close(output, expected)
    upstream = torch.randn_like(output)
    ours, theirs = (torch.autograd.grad(out, (q, k, v), upstream) for out in (output, expected))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 80), st.integers(1, 400), st.booleans())
def test_any_window_and_any_length_agree_with_the_dense_mask(window, length, both_ways):
    mask = sliding_window(window) if both_ways else causal() & sliding_window(window)
    q, k, v = torch.randn(3, 1, 1, length, D, dtype=torch.float64)
    torch.testing.assert_close(attend(q, k, v, mask), attend(q, k, v, mask.dense(1, length, length)))


def test_short_texts_and_unbounded_masks_are_computed_at_once(kernel_calls):
    for mask, length in ((sliding_window(16), 300), (sliding_window(16) | causal(), 500), (dilated(2), 500)):
        attend(*torch.randn(3, 1, 1, length, D), mask)
        assert kernel_calls.pop()["attn_mask"].shape == (1, 1, length, length)


def test_a_mask_of_another_batch_is_refused():
    mask = sliding_window(16) & padding(torch.tensor([1, 2, 3]))
    with pytest.raises(ValueError, match=r"batch of 2 rows; got .* made for 3; make"):
        attend(*torch.randn(3, 2, 1, 400, D), mask)
