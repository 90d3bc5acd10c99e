"""`--precision`: how exactly a run multiplies. Weights, their updates and sums are float32 in every case."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

PRECISIONS = ("float32", "medium", "bfloat16")
Result = TypeVar("Result")


def choose_precision(asked: str | None, device: torch.device) -> str:
    """What was asked for; for "auto" 16-bit products where the device has units for them, for None float32."""
    if asked != "auto":
        return asked or "float32"
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if device.type == "cpu" and has_matrix_tiles() else "float32"


def has_matrix_tiles() -> bool:
    """Whether the processor multiplies 16-bit numbers in tiles (AMX): without, such products cost more than others."""
    return bool(getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)())


def autocast_type(precision: str) -> torch.dtype | None:
    """What `torch.autocast` is told: to cast activations to bfloat16, or nothing."""
    return torch.bfloat16 if precision == "bfloat16" else None


@contextmanager
def multiplying(precision: str) -> Iterator[None]:
    """Inside, products of float32 numbers may round them to 16 bits if the precision is "medium". The switch is one of
    the whole process, so it is put back."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if precision == "medium" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def each_multiplying(precision: str, steps: Iterator[Result]) -> Iterator[Result]:
    """`steps`, each of them computed inside `multiplying`; what is done between them is not."""
    done = object()

    def following() -> Result | object:
        with multiplying(precision):
            return next(steps, done)

    while (step := following()) is not done:
        yield step  # type: ignore[misc]
