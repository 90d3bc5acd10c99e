"""One expression, two engines: the same value and the same gradients, or a Difference that says where."""

import math
from collections.abc import Callable
from typing import Any

import torch

from .engine import TORCH, Engine, MissingOperation

TOLERANCE = 1e-9


class Difference(AssertionError):
    """The engine's answer is not the judge's."""


def same(what: str, inputs: Any, wanted: Any, got: Any) -> None:
    wanted = torch.as_tensor(wanted, dtype=torch.float64).detach()
    found = None if got is None else torch.as_tensor(got, dtype=torch.float64).detach()
    if found is not None and found.shape == wanted.shape and torch.allclose(found, wanted, TOLERANCE, TOLERANCE):
        return
    came = "nothing" if found is None else f"{found.tolist()}, shape {tuple(found.shape)}"
    shown = ", ".join(map(str, inputs))
    raise Difference(
        f"  smallest input that shows it: {shown}\n"
        f"  wanted {what}: {wanted.tolist()}, shape {tuple(wanted.shape)}\n  got {came}"
    )


def agrees(expression: Callable[..., Any], *trials: tuple[Any, ...]) -> Callable[[Engine], None]:
    """Return an attempt: on each trial, value and gradients of `expression(engine, *values)` equal the judge's."""

    def attempt(engine: Engine) -> None:
        for inputs in trials:
            judges, wanted = _run(TORCH, expression, inputs)
            try:
                values, result = _run(engine, expression, inputs)
            except MissingOperation:
                raise
            except Exception as error:
                shown = ", ".join(map(str, inputs))
                raise Difference(
                    f"  smallest input that shows it: {shown}\n  got {type(error).__name__}: {error}"
                ) from error
            same("value", inputs, wanted, engine.numbers(result))
            for number, (ours, theirs) in enumerate(zip(values, judges, strict=True)):
                same(f"gradient of input {number}", inputs, theirs.grad, engine.gradient(ours))

    return attempt


def _run(engine: Engine, expression: Callable[..., Any], inputs: tuple[Any, ...]) -> tuple[list[Any], Any]:
    values = [engine.value(numbers) for numbers in inputs]
    result = expression(engine, *values)
    loss, shape = result, tuple(torch.as_tensor(engine.numbers(result)).shape)
    if shape:  # weights that all differ, so that a gradient in a wrong place or order shows
        weights = (torch.arange(1.0, math.prod(shape) + 1) / 2).reshape(shape).tolist()
        loss = engine.sum(engine.multiply(result, engine.value(weights)))
    engine.backward(loss)
    return values, result
