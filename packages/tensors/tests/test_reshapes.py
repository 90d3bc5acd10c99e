import numpy as np
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
