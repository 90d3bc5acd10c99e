"""`--precision`: how exactly a run multiplies. Weights, their updates and sums are float32 in every case."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TypeVar

import torch

from tensors import fast_products, processor_has

Result = TypeVar("Result")


def choose_precision(asked: str, device: torch.device) -> str:
    """What was asked for; for "auto" 16-bit products where the device has units for them."""
    if asked != "auto":
        return asked
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if device.type == "cpu" and has_16_bit_units() else "float32"


def has_16_bit_units() -> bool:
    """Whether the CPU multiplies 16-bit numbers as such (AMX or AVX-512 BF16): elsewhere they only cost more."""
    return processor_has("amx") or processor_has("avx512_bf16")


def autocast_type(precision: str) -> torch.dtype | None:
    """What `torch.autocast` is told: to cast activations to bfloat16, or nothing."""
    return torch.bfloat16 if precision == "bfloat16" else None


@contextmanager
def multiplying(precision: str, compiled: bool = False) -> Iterator[None]:
    """Inside, products of float32 numbers may round them to 16 bits, Muon's too, unless the precision is "float32";
    then they are `tensors.fast_linear`'s, but for what torch has `compiled`. The switch is one of the whole process, so
    it is put back."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest" if precision == "float32" else "medium")
    try:
        with fast_products() if precision == "float32" and not compiled else nullcontext():
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def each_multiplying(precision: str, compiled: bool, steps: Iterator[Result]) -> Iterator[Result]:
    """`steps`, each of them computed inside `multiplying`; what is done between them is not."""
    done = object()

    def following() -> Result | object:
        with multiplying(precision, compiled):
            return next(steps, done)

    while (step := following()) is not done:
        yield step  # type: ignore[misc]
