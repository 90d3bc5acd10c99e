"""The module against torch's, with the same weights."""

import torch

from attention import merge_heads, split_heads


def test_heads_are_cut_and_joined_without_a_copy():
    x = torch.randn(2, 5, 12)
    heads = split_heads(x, 3)
    assert heads.shape == (2, 3, 5, 4)
    torch.testing.assert_close(heads[:, 1], x[..., 4:8])
    joined = merge_heads(heads)
    assert torch.equal(joined, x)
    assert joined.data_ptr() == x.data_ptr()
