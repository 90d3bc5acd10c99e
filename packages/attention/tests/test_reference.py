"""The reference against torch's own attention, and against the definition on one query."""

import math

import torch
from torch.nn.functional import scaled_dot_product_attention

from attention import attend_reference


def qkv(*shape, keys=None, dtype=torch.float64):
    batch, n_head, queries, size = shape
    keys = queries if keys is None else keys
    return [torch.randn(batch, n_head, n, size, dtype=dtype, requires_grad=True) for n in (queries, keys, keys)]


def test_output_and_gradients_are_those_of_torch():
    mask = torch.rand(2, 1, 5, 7) < 0.6
    mask[..., 0] = True
    q, k, v = qkv(2, 3, 5, 4, keys=7)
    ours, _ = attend_reference(q, k, v, mask)
    theirs = scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(ours, theirs)
    upstream = torch.randn_like(ours)
    for a, b in zip(*(torch.autograd.grad(out, (q, k, v), upstream) for out in (ours, theirs)), strict=True):
        torch.testing.assert_close(a, b)


def test_one_query_over_two_keys_by_hand():
    q, k, v = torch.tensor([2.0, 0.0]), torch.tensor([[1.0, 5.0], [0.0, 7.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    output, weights = attend_reference(q.view(1, 1, 1, 2), k.view(1, 1, 2, 2), v.view(1, 1, 2, 2))
    first = math.exp(2 / math.sqrt(2)) / (math.exp(2 / math.sqrt(2)) + 1)
    torch.testing.assert_close(weights.flatten(), torch.tensor([first, 1 - first]))
    torch.testing.assert_close(output.flatten(), torch.tensor([first, 1 - first]))


def test_weights_are_shares_of_what_is_visible():
    mask = torch.ones(6, 6, dtype=torch.bool).tril()
    _, weights = attend_reference(*qkv(2, 2, 6, 4), mask)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 2, 6, dtype=torch.float64))
    assert not weights[..., ~mask].any()


def test_a_query_that_sees_nothing_gives_zeros_forwards_and_backwards():
    mask = torch.ones(2, 1, 3, 3, dtype=torch.bool)
    mask[1, 0, 1] = False
    q, k, v = qkv(2, 2, 3, 4)
    output, weights = attend_reference(q, k, v, mask)
    output.sum().backward()
    assert not output[1, :, 1].any()
    assert not weights[1, :, 1].any()
    assert not q.grad[1, :, 1].any()
    assert all(x.grad.isfinite().all() for x in (q, k, v))
