import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tensors import merge_axes, one_hot, split_axis


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2), st.booleans())
def test_splitting_counts_the_last_new_axis_fastest_and_merging_undoes_it(outer, inner, axis, infer):
    shape = [2, 3, 5]
    shape[axis] = outer * inner
    values = torch.randn(shape)
    split = split_axis(values, axis, outer, -1 if infer else inner)
    for i in range(outer):
        for j in range(inner):
            assert torch.equal(split.select(axis, i).select(axis, j), values.select(axis, i * inner + j))
    assert torch.equal(merge_axes(split, axis, axis + 1), values)
    assert torch.equal(merge_axes(split, axis - 4, axis - 3), values)


@given(arrays(np.int64, array_shapes(min_dims=0, max_dims=3), elements=st.integers(0, 4)))
def test_one_hot_is_torchs_in_the_dtype_asked_for(ids):
    ids = torch.from_numpy(ids)
    assert torch.equal(one_hot(ids, 5, torch.int64), torch.nn.functional.one_hot(ids, 5))
    assert one_hot(ids, 5).dtype == torch.float32


@pytest.mark.parametrize(
    ("call", "kind", "got"),
    [
        pytest.param(
            lambda: one_hot(torch.tensor([0, 5]), 5), ValueError, "got 5 at position (1,)", id="class past the end"
        ),
        pytest.param(
            lambda: split_axis(torch.zeros(2, 12), -1, 5, 2), ValueError, "(5, 2)", id="sizes that do not fit"
        ),
        pytest.param(lambda: split_axis(torch.zeros(2, 12), 1, -1, -1), ValueError, "(-1, -1)", id="two unknown sizes"),
        pytest.param(lambda: split_axis(torch.zeros(2, 12), 1, 0, -1), ValueError, "(0, -1)", id="a size of zero"),
        pytest.param(lambda: split_axis(torch.zeros(2, 12), 2, 3, 4), ValueError, "got 2", id="no such axis to split"),
        pytest.param(
            lambda: merge_axes(torch.zeros(2, 3, 4), 2, 1), ValueError, "2 and 1", id="axes in the wrong order"
        ),
        pytest.param(lambda: merge_axes(torch.zeros(2, 3), 0, 2), ValueError, "0 and 2", id="no such axis to merge"),
    ],
)
def test_a_refusal_says_what_was_wanted_what_came_and_what_to_do(call, kind, got, refused):
    refused(call, kind, got)
