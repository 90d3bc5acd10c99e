"""Masks against brute force: every pair asked of plain Python instead of tensors."""

import pytest
import torch

from attention import (
    block_mask,
    dilated,
    documents,
    global_tokens,
    padding,
    prefix,
    sliding_window,
    strided,
)

# The type checker, which is only there while tests run, picks the items that it looks at with Python's `random`.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")


def test_two_strided_looks_join_any_two_tokens():
    seen = strided(4).dense(1, 16, 16)[0, 0].int()
    assert bool((seen @ seen > 0).all())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sliding_window(0), r"wanted a window of 1 or more places; got 0; a token"),
        (lambda: dilated(0), r"wanted a step of 1 or more places; got 0"),
        (lambda: strided(-1), r"got -1"),
        (lambda: prefix(-1), r"prefix of 0 or more keys; got -1; pass how many"),
        (lambda: global_tokens(), r"one or more places from 0 on; got \[\]; name"),
        (lambda: global_tokens(-1), r"got \[-1\]"),
        (lambda: documents(torch.zeros(2, 3)), r"a whole number a token.*got shape \[2, 3\] of torch.float32; pass"),
        (lambda: documents(torch.zeros(1, 2, 3, dtype=torch.long)), r"got shape \[1, 2, 3\]"),
        (
            lambda: documents(torch.tensor([0, 1])).dense(1, 2, 3),
            r"for 3 tokens a row; got documents.*made for 2; make",
        ),
        (lambda: block_mask(padding(torch.tensor([1])), 2, 3, 3), r"batch of 2 rows; got padding.*made for 1; make"),
    ],
)
def test_bad_patterns_are_refused_with_what_to_do(unchecked, call, message):
    with pytest.raises(ValueError, match=message):
        call()
