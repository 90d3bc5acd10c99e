"""Is a gradient right? Compare it with the slope that one sees when each number is nudged up and down."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .autodiff import Value


@dataclass(frozen=True)
class GradientCheck:
    """The coordinate at which gradient and slope differ most; true if even there they agree within the tolerance."""

    input: int
    coordinate: tuple[int, ...]
    gradient: float
    slope: float
    error: float
    tolerance: float

    def __bool__(self) -> bool:
        return self.error <= self.tolerance

    def __str__(self) -> str:
        return (
            f"{'agrees' if self else 'WRONG'}: worst at input {self.input}, coordinate {self.coordinate}: the slope is "
            f"{self.slope:.9g}, the gradient says {self.gradient:.9g} "
            f"(error {self.error:.1e}, tolerance {self.tolerance:.0e})"
        )


def gradient_check(
    function: Callable[..., Any], *inputs: Any, step: float = 1e-5, tolerance: float = 1e-6
) -> GradientCheck:
    """Compare the gradients of `function(*inputs)`, one number, with central differences in every coordinate.

    Inputs are float64 torch tensors, for a torch function, or arrays and Values, for one of ours. The error is relative
    to the larger of both numbers, absolute below 1. Rounding and curvature leave about 1e-10 with the default `step`;
    at a kink (relu at 0) slope and gradient may rightly differ. ValueError if `function` is random or not one number.
    """
    if not inputs:
        raise ValueError("wanted at least one input to differentiate by, got none; pass gradient_check(function, x)")
    run = _run_torch if any(isinstance(x, torch.Tensor) for x in inputs) else _run_ours
    points = [_point(x, run is _run_torch) for x in inputs]
    value, gradients = run(function, points)
    if not np.array_equal(run(function, points)[0], value, equal_nan=True):
        raise ValueError("wanted a function with one result, got two from two calls; fix its seed or turn dropout off")
    worst = GradientCheck(0, (), 0.0, 0.0, 0.0, tolerance)
    for number, point in enumerate(points):
        for coordinate in np.ndindex(point.shape):
            slope = _slope(lambda: run(function, points)[0], point, coordinate, step)
            gradient = float(gradients[number][coordinate])
            error = abs(slope - gradient) / max(1.0, abs(slope), abs(gradient))
            error = math.inf if math.isnan(error) else error
            if error >= worst.error:
                worst = GradientCheck(number, coordinate, gradient, slope, error, tolerance)
    return worst


def _slope(evaluate: Callable[[], float], point: np.ndarray, coordinate: tuple[int, ...], step: float) -> float:
    middle = point[coordinate]
    point[coordinate] = middle + step
    above = evaluate()
    point[coordinate] = middle - step
    below = evaluate()
    point[coordinate] = middle
    return (above - below) / (2 * step)


def _run_ours(function: Callable[..., Any], points: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
    values = [Value(point.copy()) for point in points]
    result = function(*values)
    if not isinstance(result, Value):
        raise TypeError(
            f"wanted a Value from the function, got {type(result).__name__}; pass torch tensors to check torch"
        )
    result.backward()
    return float(result.data), [np.zeros(v.shape) if v.grad is None else v.grad for v in values]


def _run_torch(function: Callable[..., Any], points: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
    tensors = [torch.tensor(point, requires_grad=True) for point in points]
    result = function(*tensors)
    if not isinstance(result, torch.Tensor) or result.numel() != 1 or not result.requires_grad:
        kind = tuple(result.shape) if isinstance(result, torch.Tensor) else type(result).__name__
        raise ValueError(
            f"wanted one number that depends on the inputs, got {kind}; sum the result, and do not detach it"
        )
    gradients = torch.autograd.grad(result.sum(), tensors, allow_unused=True)
    return result.item(), [
        np.zeros(t.shape) if g is None else g.numpy() for t, g in zip(tensors, gradients, strict=True)
    ]


def _point(x: Any, is_torch: bool) -> np.ndarray:
    """Copy an input, so that nudging it changes nobody's numbers."""
    if is_torch and not (isinstance(x, torch.Tensor) and x.dtype == torch.float64 and x.device.type == "cpu"):
        kind = f"{x.dtype} on {x.device}" if isinstance(x, torch.Tensor) else type(x).__name__
        raise TypeError(
            f"wanted float64 CPU tensors, got {kind}; float32 is too coarse for differences, use x.double().cpu()"
        )
    source = x.detach().numpy() if is_torch else x.data if isinstance(x, Value) else x
    return np.array(source, dtype=np.float64)
