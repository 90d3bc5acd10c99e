"""The claims, from the simplest to the most subtle."""

import gc
import math
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .comparison import Difference, agrees, same
from .engine import Engine


@dataclass(frozen=True)
class Claim:
    """A sentence, and a function of the engine that raises where the sentence is not true; `arrays`: not on numbers."""

    words: str
    attempt: Callable[[Engine], None]
    arrays: bool = False


def _adds_up_over_calls(engine: Engine) -> None:
    x = engine.value(1.5)
    for calls in (1, 2):
        engine.backward(engine.multiply(x, x))
        same(f"gradient after {calls} times x * x and backward", [1.5], 3.0 * calls, engine.gradient(x))


def _same_loss_twice(engine: Engine) -> None:
    x = engine.value(1.5)
    loss = engine.add(engine.multiply(x, x), x)
    engine.backward(loss)
    try:
        engine.backward(loss)
    except Exception:
        return  # torch refuses too, having freed what it had saved
    same("gradient after two backward calls on one x * x + x", [1.5], 8.0, engine.gradient(x))


def _changes_no_number(engine: Engine) -> None:
    x = engine.value(1.5)
    middle = engine.tanh(x)
    engine.backward(engine.multiply(middle, x))
    same("x after backward", [1.5], 1.5, engine.numbers(x))
    same("tanh(x) after backward", [1.5], math.tanh(1.5), engine.numbers(middle))


def _unused_gets_nothing(engine: Engine) -> None:
    x, unused = engine.value(2.0), engine.value(3.0)
    engine.backward(engine.multiply(x, x))
    gradient = engine.gradient(unused)
    same("gradient of a value that the loss does not use", [2.0, 3.0], 0.0, 0.0 if gradient is None else gradient)


def _goes_deep(engine: Engine) -> None:
    depth = sys.getrecursionlimit() + 100
    x = engine.value(1.0)
    result = x
    for _ in range(depth):
        result = engine.add(result, x)
    engine.backward(result)
    same(f"gradient of x added {depth} times to itself", [1.0], depth + 1.0, engine.gradient(x))


def _forgets(engine: Engine) -> None:
    x = engine.value(1.0)
    middle = engine.tanh(x)
    loss = engine.multiply(middle, middle)
    engine.backward(loss)
    try:
        trace = weakref.ref(middle)
    except TypeError:
        return  # values without weak references: cannot be seen from outside
    del middle, loss
    if trace() is not None:
        gc.collect()  # for engines whose values point at each other
    if trace() is not None:
        raise Difference(
            "  smallest input that shows it: x = 1.0, loss = tanh(x) * tanh(x)\n"
            "  wanted tanh(x) freed once nobody holds the loss\n  got it still alive after a garbage collection"
        )


def _braid(e: Engine, x: Any) -> Any:
    """Uses at different depths: an engine that walks the graph in any but the reverse order goes wrong here."""
    a = e.multiply(x, x)
    b = e.multiply(a, x)
    return e.add(e.multiply(b, a), e.multiply(a, e.add(b, x)))


def _network(e: Engine, x: Any, w: Any, b: Any) -> Any:
    hidden = e.tanh(e.add(e.matmul(x, w), b))
    return e.mean(e.multiply(e.exp(hidden), e.relu(hidden)))


ONE = ((0.5,), (-1.5,))
TWO = ((0.5, -2.0), (-1.5, 0.25))
LISTS = (([0.5],), ([0.5, -1.5],), ([[0.5, -1.5, 2.0], [1.0, 0.25, -0.75]],))
MATRIX, OTHER = [[0.5, -1.5, 2.0], [1.0, 0.25, -0.75]], [[1.0, -0.5], [0.75, 2.0], [-1.25, 0.5]]
COLUMN, ROW = [[2.0], [-0.5]], [1.0, -2.0, 0.5]

CLAIMS: list[Claim] = [
    Claim("a + b has the right value and gradients", agrees(lambda e, a, b: e.add(a, b), *TWO)),
    Claim("a - b has the right value and gradients", agrees(lambda e, a, b: e.subtract(a, b), *TWO)),
    Claim("a * b has the right value and gradients", agrees(lambda e, a, b: e.multiply(a, b), *TWO)),
    Claim("a / b has the right value and gradients", agrees(lambda e, a, b: e.divide(a, b), *TWO)),
    Claim("exp has the right value and gradient", agrees(lambda e, a: e.exp(a), *ONE)),
    Claim("log has the right value and gradient", agrees(lambda e, a: e.log(a), (0.5,), (2.0,))),
    Claim("tanh has the right value and gradient", agrees(lambda e, a: e.tanh(a), *ONE)),
    Claim("relu passes the gradient where its input is positive", agrees(lambda e, a: e.relu(a), *ONE)),
    Claim("the gradients of a value that is used twice add up", agrees(lambda e, a: e.multiply(a, a), *ONE)),
    Claim("a value passes its gradient on only when all its uses have given theirs", agrees(_braid, *ONE)),
    Claim("gradients add up over calls of backward", _adds_up_over_calls),
    Claim("two backward calls on one loss give twice the gradient, or an error", _same_loss_twice),
    Claim("backward changes no value", _changes_no_number),
    Claim("a value that the loss does not use has no gradient, or zero", _unused_gets_nothing),
    Claim("a deep graph does not meet the recursion limit", _goes_deep),
    Claim("a graph is freed when nobody holds its loss", _forgets),
    Claim("operations on arrays work element by element", agrees(lambda e, a: e.tanh(e.multiply(a, a)), *LISTS), True),
    Claim("sum gives every element the gradient of the sum", agrees(lambda e, a: e.sum(a), *LISTS), True),
    Claim("sum over an axis repeats the gradient along it", agrees(lambda e, a: e.sum(a, 0), *LISTS), True),
    Claim("mean divides the gradient by the count", agrees(lambda e, a: e.mean(a), *LISTS), True),
    Claim("mean over an axis counts that axis only", agrees(lambda e, a: e.mean(a, 0), *LISTS), True),
    Claim(
        "where broadcasting repeats a value, its gradient is summed back to its own shape",
        agrees(lambda e, a, b: e.multiply(a, b), (2.0, [1.0, 3.0]), ([2.0], [1.0, 3.0]), (MATRIX, ROW), (COLUMN, ROW)),
        True,
    ),
    Claim(
        "a @ b has the right value and gradients",
        agrees(lambda e, a, b: e.matmul(a, b), (COLUMN, [ROW]), (MATRIX, OTHER)),
        True,
    ),
    Claim("transpose takes the gradient back", agrees(lambda e, a: e.transpose(a), (MATRIX,)), True),
    Claim("reshape takes the gradient back", agrees(lambda e, a: e.reshape(a, 3, 2), (MATRIX,)), True),
    Claim(
        "a row that is picked twice gets both gradients",
        agrees(lambda e, a: e.rows(a, [0, 0]), ([0.5, 2.0],), (MATRIX,)),
        True,
    ),
    Claim(
        "cross-entropy has the right value and gradient",
        agrees(lambda e, a: e.cross_entropy(a, [2, 0]), (MATRIX,)),
        True,
    ),
    Claim(
        "cross-entropy stays finite for logits of a thousand",
        agrees(lambda e, a: e.cross_entropy(a, [0]), ([[1000.0, 0.0]],), ([[0.0, 1000.0]],)),
        True,
    ),
    Claim("a small network has the right value and gradients", agrees(_network, (MATRIX, OTHER, [0.5, -1.0])), True),
]
