import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from tensors import length_mask, log_softmax, log_sum_exp, masked_mean, masked_softmax

INFINITY = float("inf")
logit_lists = st.lists(st.floats(-1e30, 1e30) | st.sampled_from([-INFINITY, 1e5, -1e5]), min_size=1, max_size=5)


@given(logit_lists, st.sampled_from([torch.float32, torch.float64]))
def test_log_sum_exp_is_torchs_for_any_logits(logits, dtype):
    logits = torch.tensor(logits, dtype=dtype)
    torch.testing.assert_close(log_sum_exp(logits, 0), torch.logsumexp(logits, 0))
    torch.testing.assert_close(
        log_sum_exp(logits[None], 1, keepdim=True), torch.logsumexp(logits[None], 1, keepdim=True)
    )


def test_log_sum_exp_of_infinities():
    assert log_sum_exp(torch.tensor([-INFINITY, -INFINITY]), 0) == -INFINITY
    assert log_sum_exp(torch.tensor([1.0, INFINITY]), 0) == INFINITY


@given(st.integers(0, 2**20), st.sampled_from([1.0, 100.0, 1e4]), st.sampled_from([0, 1, -1]))
def test_log_softmax_and_its_gradient_are_torchs(seed, scale, dim):
    logits = scale * torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    weights = torch.arange(12.0).reshape(3, 4)
    (log_softmax(ours, dim) * weights).sum().backward()
    (torch.log_softmax(theirs, dim) * weights).sum().backward()
    torch.testing.assert_close(log_softmax(ours, dim), torch.log_softmax(theirs, dim))
    torch.testing.assert_close(ours.grad, theirs.grad)


@given(st.integers(0, 2**20), st.integers(0, 2**12 - 1), st.sampled_from([0, 1]))
def test_masked_softmax_is_torchs_over_what_is_visible(seed, bits, dim):
    mask = torch.tensor([bool(bits >> i & 1) for i in range(12)]).reshape(3, 4)
    logits = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    our_weights = masked_softmax(ours, mask, dim)
    seen = mask.any(dim, keepdim=True)
    their_weights = torch.where(seen, torch.softmax(theirs.masked_fill(~mask & seen, -INFINITY), dim), 0)
    torch.testing.assert_close(our_weights, their_weights)
    numbers = torch.arange(12.0).reshape(3, 4)
    (our_weights * numbers).sum().backward()
    (their_weights * numbers).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("hidden", [float("nan"), INFINITY, -INFINITY, 1e38])
def test_what_a_mask_hides_changes_neither_weights_nor_gradient(hidden):
    logits = torch.tensor([[1.0, 2.0, hidden], [hidden, hidden, hidden]], requires_grad=True)
    weights = masked_softmax(logits, torch.tensor([[True, True, False], [False, False, False]]))
    weights[:, 0].sum().backward()
    torch.testing.assert_close(weights[0, :2], torch.softmax(torch.tensor([1.0, 2.0]), 0))
    assert weights[1].tolist() == [0, 0, 0]
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad[1].tolist() == [0, 0, 0]


@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from([None, 0, 1, -1, (0, 1)]), st.integers(0, 2**16))
def test_masked_mean_is_numpys_masked_mean(n_rows, size, dim, bits):
    mask = torch.tensor(
        [[bits >> (row * size + t) & 1 for t in range(size)] for row in range(n_rows)], dtype=torch.bool
    )
    values = torch.randn(n_rows, size, dtype=torch.float64)
    theirs = np.ma.mean(np.ma.array(values.numpy(), mask=~mask.numpy()), axis=dim)
    np.testing.assert_allclose(masked_mean(values, mask, dim).numpy(), np.ma.filled(theirs, np.nan), rtol=1e-12)


@pytest.mark.parametrize("hidden", [float("nan"), float("inf"), -float("inf")])
def test_what_a_mask_hides_changes_neither_mean_nor_gradient(hidden):
    values = torch.tensor([[1.0, 3.0, hidden], [5.0, hidden, hidden]], requires_grad=True)
    mean = masked_mean(values, length_mask(torch.tensor([2, 1]), 3), dim=1)
    mean.sum().backward()
    assert mean.tolist() == [2, 5]
    assert values.grad is not None
    assert values.grad.tolist() == [[0.5, 0.5, 0], [1, 0, 0]]


def test_a_mask_of_fewer_axes_broadcasts():
    values = torch.arange(6.0).reshape(2, 3)
    assert masked_mean(values, torch.tensor([True, False, True])).item() == pytest.approx((0 + 2 + 3 + 5) / 4)


@pytest.mark.parametrize(
    ("call", "kind", "got"),
    [
        pytest.param(
            lambda: masked_mean(torch.zeros(2, 3), torch.ones(2, dtype=torch.bool)),
            ValueError,
            "(2, 3)",
            id="mask of another shape",
        ),
        pytest.param(
            lambda: masked_softmax(torch.zeros(2, 3), torch.ones(3, 2) > 0), ValueError, "(3, 2)", id="softmax mask"
        ),
    ],
)
def test_a_refusal_says_what_was_wanted_what_came_and_what_to_do(call, kind, got, refused):
    refused(call, kind, got)
