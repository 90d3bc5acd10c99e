import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from tensors import gather_rows, length_mask, pad_rows, unpad_rows

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


@pytest.mark.parametrize(
    ("call", "kind", "got"),
    [
        pytest.param(lambda: pad_rows([]), ValueError, "none", id="no rows"),
        pytest.param(
            lambda: pad_rows([torch.zeros(2, 3), torch.zeros(2, 4)]), ValueError, "(2, 4)", id="rows of two widths"
        ),
        pytest.param(
            lambda: pad_rows([torch.zeros(2), torch.zeros(2).long()]), ValueError, "int64", id="rows of two dtypes"
        ),
        pytest.param(lambda: pad_rows([torch.tensor(1)]), ValueError, "()", id="rows without an axis"),
        pytest.param(lambda: pad_rows([torch.tensor([1])], value=0.5), ValueError, "0.5", id="half a padding"),
        pytest.param(lambda: pad_rows([torch.tensor([1])], value=float("nan")), ValueError, "nan", id="NaN as integer"),
        pytest.param(
            lambda: pad_rows([torch.tensor([1], dtype=torch.uint8)], value=-1),
            ValueError,
            "-1",
            id="padding out of range",
        ),
        pytest.param(
            lambda: unpad_rows(torch.zeros(1, 3), torch.tensor([4])), ValueError, "got 4", id="length past the end"
        ),
        pytest.param(
            lambda: length_mask(torch.tensor([1, -2]), 3), ValueError, "got -2 at position (1,)", id="negative length"
        ),
        pytest.param(
            lambda: gather_rows(torch.zeros(2, 3), torch.tensor([0, -1])), ValueError, "got -1", id="index into padding"
        ),
        pytest.param(
            lambda: gather_rows(torch.zeros(1, 3), torch.tensor([3])),
            ValueError,
            "from 0 to 2",
            id="index past the end",
        ),
        pytest.param(
            lambda: unpad_rows(torch.zeros(2, 3), torch.tensor([1])), ValueError, "(1,)", id="fewer lengths than rows"
        ),
        pytest.param(
            lambda: gather_rows(torch.zeros(2, 3), torch.tensor([1])), ValueError, "(1,)", id="fewer indices than rows"
        ),
    ],
)
def test_a_refusal_says_what_was_wanted_what_came_and_what_to_do(call, kind, got, refused):
    refused(call, kind, got)
