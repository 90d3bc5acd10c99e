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
    assert "log has the right value and gradient (give the engine log)" in held.not_judged
    assert "transpose takes the gradient back (leave out arrays=False)" in held.not_judged
    assert len(held) + len(held.not_judged) == len(contract.CLAIMS)


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


class NumbersOnly(Value):
    """A tanh that takes one number."""

    def tanh(self):
        return Value(math.tanh(self.data), "tanh", (self,), lambda g: (g * (1 - math.tanh(self.data) ** 2),))


def keeps_inner_gradients(value):
    """micrograd's way: every value passes on all that ever reached it, what earlier calls left behind too."""
    value.grad = np.ones(())
    for each in reversed(topological_order(value)):
        for parent, part in zip(each.parents, each.pull(each.grad) if each.pull else (), strict=True):
            part = unbroadcast(part, parent.shape)
            parent.grad = part if parent.grad is None else parent.grad + part


def summed(pull_of):
    """A sum with a wrong way back: `pull_of(a, axis)` makes it."""
    return with_operation(sum=lambda a, *axis: Value(a.data.sum(*axis), "sum", (a,), pull_of(a, *axis)))


def mean_over_all(a, *axis):
    """Divides by the count of the whole array, whatever the axis."""
    return a.sum(*axis) * (1 / a.data.size)


def forward_mean_only(a, *axis):
    """The right mean, and the gradient of a sum."""
    return Value(
        a.data.mean(*axis), "mean", (a,), lambda g: (np.broadcast_to(np.expand_dims(g, axis) if axis else g, a.shape),)
    )


def stale_bias(a, b):
    """An addition that forgets that broadcasting repeated its second operand: the first row's gradient alone."""
    return Value(a.data + b.data, "+", (a, b), lambda g: (g, g if g.shape == b.shape else g.reshape(-1, *b.shape)[0]))


def summed_cross_entropy(logits, targets):
    return softmax_cross_entropy(logits, targets) * float(len(targets))


def over_the_wrong_axis(logits, targets):
    """The softmax over the rows instead of the classes."""
    exponentials = (logits - float(logits.data.max())).exp()
    probabilities = exponentials / exponentials.sum(0, keepdims=True)
    return -probabilities[np.arange(len(targets)), targets].log().mean()


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
    (
        "the product's own number",
        with_operation(multiply=lambda a, b: Value(a.data * b.data, "*", (a, b), lambda g: (g * a.data, g * b.data))),
        "a * b has the right",
        "0.5, -2.0",
    ),
    (
        "a quotient's sign",
        with_operation(
            divide=lambda a, b: Value(a.data / b.data, "/", (a, b), lambda g: (g / b.data, g * a.data / b.data**2))
        ),
        "a / b has the right",
        "0.5, -2.0",
    ),
    (
        "the slope of exp at its result",
        with_operation(exp=lambda a: Value(np.exp(a.data), "exp", (a,), lambda g: (g * np.exp(np.exp(a.data)),))),
        "exp has the right",
        "0.5",
    ),
    (
        "the slope of log at its result",
        with_operation(log=lambda a: Value(np.log(a.data), "log", (a,), lambda g: (g / np.log(a.data),))),
        "log has the right",
        "0.5",
    ),
    ("inner gradients kept", dataclasses.replace(OURS, backward=keeps_inner_gradients), "two backward calls", "1.5"),
    (
        "ones to begin with",
        dataclasses.replace(OURS, gradient=lambda v: np.ones(v.shape) if v.grad is None else v.grad),
        "that the loss does not use",
        "2.0, 3.0",
    ),
    ("numbers only", with_operation(tanh=NumbersOnly.tanh), "element by element", "[0.5"),
    (
        "a sum that shares out",
        summed(lambda a, *axis: lambda g: (np.ones(a.shape) * np.mean(g) / a.data.size,)),
        "sum gives every",
        "[0.5, -1.5]",
    ),
    (
        "a sum that forgets its axis",
        summed(lambda a, *axis: lambda g: (np.ones(a.shape) * np.mean(g),)),
        "sum over an axis",
        "[[0.5",
    ),
    ("a mean of the wrong count", with_operation(mean=mean_over_all), "mean over an axis", "[[0.5"),
    ("a mean with the slope of a sum", with_operation(mean=forward_mean_only), "mean divides", "[0.5, -1.5]"),
    (
        "a product not transposed",
        with_operation(
            matmul=lambda a, b: Value(
                a.data @ b.data, "@", (a, b), lambda g: (g @ b.data.reshape(b.shape[::-1]), a.data.T @ g)
            )
        ),
        "a @ b has",
        "[[0.5",
    ),
    (
        "a reshape read down the columns",
        with_operation(
            reshape=lambda a, *shape: Value(
                a.data.reshape(shape), "reshape", (a,), lambda g: (g.reshape(a.shape, order="F"),)
            )
        ),
        "reshape takes",
        "[[0.5",
    ),
    ("summed instead of averaged", with_operation(cross_entropy=summed_cross_entropy), "cross-entropy has", "[[0.5"),
    ("softmax over the rows", with_operation(cross_entropy=over_the_wrong_axis), "cross-entropy has", "[[0.5"),
    ("a bias that hears one row", with_operation(add=stale_bias), "a small network", "[[0.5"),
]
CAUGHT = [row[2] for row in BROKEN]


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value", "ignore:divide by zero")
@pytest.mark.parametrize(("engine", "claim", "shown"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_engine_is_told_which_claim_it_breaks_and_on_what(engine, claim, shown):
    with pytest.raises(contract.BrokenClaim) as verdict:
        contract.check(engine, arrays=engine.value is not Impatient)
    (told,) = [str(broken) for broken in verdict.value.broken if claim in broken.claim]
    assert shown in told


def test_every_claim_catches_somebody():
    idle = [claim.words for claim in contract.CLAIMS if not any(words in claim.words for words in CAUGHT)]
    assert not idle


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


WRONG = BROKEN


def test_the_wrong_ones_are_counted():
    assert len(WRONG) == 31
