"""Masks against brute force: every pair asked of plain Python instead of tensors."""

import pytest
import torch

from attention import (
    padding,
)

# The type checker, which is only there while tests run, picks the items that it looks at with Python's `random`.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")


@pytest.mark.parametrize("lengths", [torch.tensor([[1]]), torch.tensor([1.0]), torch.tensor([True])])
def test_lengths_are_one_whole_number_a_row(unchecked, lengths):
    with pytest.raises(ValueError, match=r"wanted one whole number a row.*got shape.*pass the number"):
        padding(lengths)
