"""Every refusal says what was wanted, what came and what to do."""

import pytest
import torch

from tensors import (
    Value,
    choose_device,
    contract,
    draw,
    fork_random,
    gather_rows,
    generator,
    gradient_check,
    length_mask,
    masked_mean,
    masked_softmax,
    merge_axes,
    one_hot,
    pad_rows,
    seed_all,
    set_random_state,
    softmax_cross_entropy,
    split_axis,
    unpad_rows,
)

CUBE = Value(torch.ones(2, 3, 4).numpy())
LOGITS = Value([[0.5, 1.0], [2.0, 0.0]])


def deep_graph():
    value = Value(1.0)
    for _ in range(300):
        value = value + 1
    return value


REFUSALS = [
    ("no such device", lambda: choose_device("cuda:99"), ValueError, "cuda:99"),
    ("no device at all", lambda: choose_device("gpu"), ValueError, "'gpu'"),
    ("seed too large", lambda: seed_all(2**32), ValueError, "4294967296"),
    ("seed negative", lambda: seed_all(-1), ValueError, "-1"),
    ("key of a float", lambda: generator(0.5), TypeError, "0.5 (float)"),
    ("key of nothing", lambda: generator(), ValueError, "none"),
    ("fork of nothing", lambda: fork_random().__enter__(), ValueError, "none"),
    ("state without parts", lambda: set_random_state({}), ValueError, "got nothing"),
    ("state cut short", lambda: set_random_state({"python": torch.zeros(3)}), ValueError, "float32 (3,)"),
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
    ("softmax mask", lambda: masked_softmax(torch.zeros(2, 3), torch.ones(3, 2) > 0), ValueError, "(3, 2)"),
    ("class past the end", lambda: one_hot(torch.tensor([0, 5]), 5), ValueError, "got 5 at position (1,)"),
    ("sizes that do not fit", lambda: split_axis(torch.zeros(2, 12), -1, 5, 2), ValueError, "(5, 2)"),
    ("two unknown sizes", lambda: split_axis(torch.zeros(2, 12), 1, -1, -1), ValueError, "(-1, -1)"),
    ("a size of zero", lambda: split_axis(torch.zeros(2, 12), 1, 0, -1), ValueError, "(0, -1)"),
    ("no such axis to split", lambda: split_axis(torch.zeros(2, 12), 2, 3, 4), ValueError, "got 2"),
    ("axes in the wrong order", lambda: merge_axes(torch.zeros(2, 3, 4), 2, 1), ValueError, "2 and 1"),
    ("no such axis to merge", lambda: merge_axes(torch.zeros(2, 3), 0, 2), ValueError, "0 and 2"),
    ("loss of many numbers", lambda: CUBE.backward(), ValueError, "(2, 3, 4)"),
    ("shapes that do not broadcast", lambda: CUBE + Value([1.0, 2.0]), ValueError, "neither is 1"),
    ("matrices that do not match", lambda: CUBE @ Value([[1.0]]), ValueError, "(2, 3, 4) @ (1, 1)"),
    ("a vector as matrix", lambda: LOGITS @ Value([1.0, 2.0]), ValueError, "(2, 2) @ (2,)"),
    ("log of zero", lambda: LOGITS.log(), ValueError, "got 0.0"),
    ("a value as exponent", lambda: LOGITS**LOGITS, TypeError, "Value"),
    ("targets that are not integers", lambda: softmax_cross_entropy(LOGITS, [0.0, 1.0]), ValueError, "float64"),
    ("too few targets", lambda: softmax_cross_entropy(LOGITS, [0]), ValueError, "(1,)"),
    ("target past the end", lambda: softmax_cross_entropy(LOGITS, [0, 2]), ValueError, "[0 2]"),
    ("text in a value", lambda: Value("three"), TypeError, "'three'"),
    ("complex numbers in a value", lambda: Value([1j]), TypeError, "1j"),
    ("checking nothing", lambda: gradient_check(lambda: 1), ValueError, "none"),
    ("checking in float32", lambda: gradient_check(torch.sum, torch.ones(2)), TypeError, "float32"),
    ("checking many outputs", lambda: gradient_check(torch.tanh, torch.ones(2).double()), ValueError, "(2,)"),
    ("checking a number", lambda: gradient_check(lambda x: 1.0, [1.0]), TypeError, "float"),
    (
        "checking what is random",
        lambda: gradient_check(lambda x: x * torch.rand(()).double(), torch.ones(()).double()),
        ValueError,
        "two",
    ),
    ("a graph too large to read", lambda: draw(deep_graph()), ValueError, "601"),
    ("an operation misspelt", lambda: contract.Engine(Value, operations={"ad": max}), ValueError, "'ad'"),
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
