"""Every refusal says what was wanted, what came and what to do."""

import pytest
import torch

from tensors import (
    choose_device,
    fork_random,
    gather_rows,
    generator,
    length_mask,
    masked_mean,
    pad_rows,
    seed_all,
    set_random_state,
    unpad_rows,
)

REFUSALS = [
    ("no such device", lambda: choose_device("cuda:99"), ValueError, "cuda:99"),
    ("no device at all", lambda: choose_device("gpu"), ValueError, "'gpu'"),
    ("seed too large", lambda: seed_all(2**32), ValueError, "4294967296"),
    ("seed negative", lambda: seed_all(-1), ValueError, "-1"),
    ("key of a float", lambda: generator(0.5), TypeError, "0.5 (float)"),
    ("key of nothing", lambda: generator(), ValueError, "none"),
    ("fork of nothing", lambda: fork_random().__enter__(), ValueError, "none"),
    ("state without parts", lambda: set_random_state({}), ValueError, "'nothing'"),
    ("state cut short", lambda: set_random_state({"python": torch.zeros(3)}), ValueError, "3"),
    ("no rows", lambda: pad_rows([]), ValueError, "none"),
    ("rows of two widths", lambda: pad_rows([torch.zeros(2, 3), torch.zeros(2, 4)]), ValueError, "(2, 4)"),
    ("rows of two dtypes", lambda: pad_rows([torch.zeros(2), torch.zeros(2).long()]), ValueError, "int64"),
    ("rows without an axis", lambda: pad_rows([torch.tensor(1)]), ValueError, "()"),
    ("half a padding", lambda: pad_rows([torch.tensor([1])], value=0.5), ValueError, "0.5"),
    ("NaN as integer", lambda: pad_rows([torch.tensor([1])], value=float("nan")), ValueError, "nan"),
    ("padding out of range", lambda: pad_rows([torch.tensor([1], dtype=torch.uint8)], value=-1), ValueError, "-1"),
    ("length past the end", lambda: unpad_rows(torch.zeros(1, 3), torch.tensor([4])), ValueError, "got 4"),
    ("negative length", lambda: length_mask(torch.tensor([1, -2]), 3), ValueError, "got -2 at position (1,)"),
    ("index into padding", lambda: gather_rows(torch.zeros(2, 3), torch.tensor([0, -1])), ValueError, "got -1"),
    ("index past the end", lambda: gather_rows(torch.zeros(1, 3), torch.tensor([3])), ValueError, "from 0 to 2"),
    ("fewer lengths than rows", lambda: unpad_rows(torch.zeros(2, 3), torch.tensor([1])), ValueError, "(1,)"),
    ("fewer indices than rows", lambda: gather_rows(torch.zeros(2, 3), torch.tensor([1])), ValueError, "(1,)"),
    (
        "mask of another shape",
        lambda: masked_mean(torch.zeros(2, 3), torch.ones(2, dtype=torch.bool)),
        ValueError,
        "(2, 3)",
    ),
]


@pytest.mark.parametrize(("call", "kind", "got"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
@pytest.mark.usefixtures("unchecked")
def test_a_refusal_says_what_was_wanted_what_came_and_what_to_do(call, kind, got):
    with pytest.raises(kind) as refusal:
        call()
    message = str(refusal.value)
    assert "wanted" in message
    assert "; " in message, "nothing says what to do"
    assert got in message
