import ast
import dataclasses
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tensors import Value, contract, softmax_cross_entropy
from tensors.autodiff import topological_order, unbroadcast

OURS = contract.Engine(Value, operations=contract.OPERATIONS | {"cross_entropy": softmax_cross_entropy})


def test_ours_and_torch_keep_every_claim():
    everything = tuple(claim.words for claim in contract.CLAIMS)
    assert contract.check(OURS) == everything
    assert contract.check(contract.TORCH) == everything


class Scalar:
    """A miniature over single numbers, as in a first lesson: one more engine that nobody wrote for the contract."""

    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad, self.parents, self.slopes = data, 0.0, parents, slopes

    def __add__(self, other):
        return type(self)(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other):
        return type(self)(self.data * other.data, (self, other), (other.data, self.data))

    def tanh(self):
        t = math.tanh(self.data)
        return type(self)(t, (self,), (1 - t * t,))

    def backward(self):
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack += [(node, True), *((parent, False) for parent in node.parents)]
        flowing = {id(node): 0.0 for node in order} | {id(self): 1.0}
        for node in reversed(order):
            node.grad += flowing[id(node)]
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                flowing[id(parent)] += slope * flowing[id(node)]


class Impatient(Scalar):
    """Passes gradients on at once, path by path, by recursion."""

    def backward(self, gradient=1.0):
        self.grad += gradient
        for parent, slope in zip(self.parents, self.slopes, strict=True):
            type(self).backward(parent, slope * gradient)


def scalar_engine(kind):
    operations = {name: contract.OPERATIONS[name] for name in ("add", "multiply", "tanh")}
    return contract.Engine(kind, operations=operations)


def test_an_engine_over_single_numbers_can_be_checked():
    held = contract.check(scalar_engine(Scalar), arrays=False)
    assert "a + b has the right value and gradients" in held
    assert not any("log" in claim for claim in held)


def with_operation(**operations):
    return dataclasses.replace(OURS, operations={**OURS.operations, **operations})


class KeepsEverything:
    def __init__(self):
        self.tape = []

    def tanh(self, a):
        self.tape.append(a.tanh())
        return self.tape[-1]


def forgetful(value):
    """Starts every call from nothing."""
    for each in topological_order(value):
        each.grad = None
    value.backward()


def spoil(value):
    value.backward()
    for parent in value.parents:
        parent.data = parent.data * 2


def last_pull_only(value):
    """Walks from the loss, but gives a parent only the gradient of its last use."""
    flowing, stack = {id(value): np.ones(())}, [value]
    while stack:
        node = stack.pop(0)
        node.grad = flowing[id(node)]
        for parent, part in zip(node.parents, node.pull(node.grad) if node.pull else (), strict=True):
            flowing[id(parent)] = np.asarray(part)
            stack.append(parent)


def scatter_once(a, rows):
    def pull(g):
        gradient = np.zeros(a.shape)
        gradient[rows] = g
        return (gradient,)

    return Value(a.data[rows], "index", (a,), pull)


def naive_cross_entropy(logits, targets):
    exponentials = logits.exp()
    probabilities = exponentials / exponentials.sum(1, keepdims=True)
    return -probabilities[np.arange(len(targets)), targets].log().mean()


def averaging(a, b):
    """Averages over the repetitions of a broadcast operand instead of summing."""

    def back(gradient, shape):
        return unbroadcast(gradient, shape) / max(1, gradient.size // max(1, math.prod(shape)))

    return Value(a.data * b.data, "*", (a, b), lambda g: (back(g * b.data, a.shape), back(g * a.data, b.shape)))


WRONG_TANH = with_operation(tanh=lambda a: Value(np.tanh(a.data), "tanh", (a,), lambda g: (g * (1 - a.data**2),)))
WRONG_SIGN = with_operation(subtract=lambda a, b: Value(a.data - b.data, "-", (a, b), lambda g: (g, g)))
LEAKY = with_operation(relu=lambda a: Value(np.maximum(a.data, 0), "relu", (a,), lambda g: (g,)))
RESHAPED = with_operation(transpose=lambda a: Value(a.data.T, "T", (a,), lambda g: (g.reshape(a.shape),)))

BROKEN = [
    ("a wrong derivative", WRONG_TANH, "tanh has the right", "0.5"),
    ("a wrong sign", WRONG_SIGN, "a - b has the right", "0.5, -2.0"),
    ("a relu that leaks", LEAKY, "relu passes", "-1.5"),
    ("a mean that is a sum", with_operation(mean=lambda a, *axis: a.sum(*axis)), "mean divides", "[0.5, -1.5]"),
    ("one use only", dataclasses.replace(OURS, backward=last_pull_only), "used twice", "0.5"),
    ("too early", dataclasses.replace(OURS, backward=last_pull_only), "only when all its uses", "0.5"),
    ("overwriting", dataclasses.replace(OURS, backward=forgetful), "over calls of backward", "1.5"),
    ("a graph that stays", with_operation(tanh=KeepsEverything().tanh), "freed", "x = 1.0"),
    ("numbers changed", dataclasses.replace(OURS, backward=spoil), "changes no value", "1.5"),
    ("scatter without adding", with_operation(rows=scatter_once), "picked twice", "[0.5, 2.0]"),
    ("overflow", with_operation(cross_entropy=naive_cross_entropy), "logits of a thousand", "[[1000.0, 0.0]]"),
    ("recursion", scalar_engine(Impatient), "deep graph", "RecursionError"),
    ("averaged instead of summed", with_operation(multiply=averaging), "broadcasting repeats", "2.0, [1.0, 3.0]"),
    ("transposed gradient", RESHAPED, "transpose takes", "[[0.5"),
    ("no gradient at all", dataclasses.replace(OURS, backward=lambda v: None), "a + b has", "nothing"),
]


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value", "ignore:divide by zero")
@pytest.mark.parametrize(("engine", "claim", "shown"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_engine_is_told_which_claim_it_breaks_and_on_what(engine, claim, shown):
    with pytest.raises(contract.BrokenClaim) as verdict:
        contract.check(engine, arrays=engine.value is not Impatient)
    (told,) = [str(broken) for broken in verdict.value.broken if claim in broken.claim]
    assert shown in told


def test_the_contract_imports_torch_and_what_needs_nothing_else():
    folder = Path(contract.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1
                names = [node.module or ""] if node.level == 0 else []
            assert {name.split(".")[0] for name in names} <= {"torch", "workbench", *sys.stdlib_module_names}


def test_torch_in_float32_is_told_to_be_too_coarse():
    coarse = dataclasses.replace(contract.TORCH, value=lambda numbers: torch.tensor(numbers, requires_grad=True))
    with pytest.raises(contract.BrokenClaim, match="tanh has the right value"):
        contract.check(coarse)


@pytest.mark.parametrize(
    ("call", "kind", "got"),
    [
        pytest.param(
            lambda: contract.Engine(Value, operations={"ad": max}), ValueError, "'ad'", id="an operation misspelt"
        ),
    ],
)
def test_a_refusal_says_what_was_wanted_what_came_and_what_to_do(call, kind, got, refused):
    refused(call, kind, got)
