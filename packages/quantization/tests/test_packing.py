"""Weights as a file holds them."""

import torch
from hypothesis import given, settings, strategies as st

from quantization.packing import pack, unpack


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 9), st.integers(1, 30), st.integers(0, 99))
def test_two_numbers_of_four_bits_fit_in_a_byte(rows, half, seed):
    whole = torch.randint(16, (rows, 2 * half), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    assert torch.equal(unpack(pack(whole)), whole)
    by_hand = [[int(row[2 * k]) + 16 * int(row[2 * k + 1]) for k in range(half)] for row in whole]
    assert pack(whole).tolist() == by_hand
