import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from tensors import gather_rows, length_mask, masked_mean, pad_rows, unpad_rows

row_lengths = st.lists(st.integers(0, 6), min_size=1, max_size=5)


@given(row_lengths, st.sampled_from([(), (3,), (2, 2)]), st.sampled_from([torch.float32, torch.int64, torch.bool]))
def test_unpadding_gives_back_every_row(lengths, rest, dtype):
    rows = [torch.randn(length, *rest).to(dtype) for length in lengths]
    padded, found = pad_rows(rows, value=1)
    assert padded.shape == (len(rows), max(lengths), *rest)
    assert found.tolist() == lengths
    assert found.dtype == torch.int64
    for ours, row in zip(unpad_rows(padded, found), rows, strict=True):
        assert ours.dtype == row.dtype
        assert torch.equal(ours, row)


@given(row_lengths)
def test_padding_fills_exactly_what_the_mask_hides(lengths):
    rows = [torch.ones(length, dtype=torch.int64) for length in lengths]
    padded, found = pad_rows(rows, value=-100)
    mask = length_mask(found, padded.shape[1])
    assert mask.tolist() == [[t < length for t in range(max(lengths))] for length in lengths]
    assert torch.equal(padded, torch.where(mask, 1, -100))


def test_gradients_flow_through_padding_into_the_rows():
    row = torch.ones(2, requires_grad=True)
    pad_rows([row, torch.ones(3)])[0].square().sum().backward()
    assert row.grad is not None
    assert row.grad.tolist() == [2, 2]


@given(st.integers(1, 4), st.integers(1, 4), st.data())
def test_gather_rows_is_numpys_take_along_axis(n_rows, size, data):
    index = torch.tensor(data.draw(st.lists(st.integers(0, size - 1), min_size=n_rows, max_size=n_rows)))
    values = torch.randn(n_rows, size, 3)
    theirs = np.take_along_axis(values.numpy(), index.numpy()[:, None, None], axis=1)[:, 0]
    assert np.array_equal(gather_rows(values, index).numpy(), theirs)


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
