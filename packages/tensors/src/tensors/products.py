"""x @ weight.T by the faster of the two libraries that torch brings for products on a processor."""

import platform
import re
import sys
from functools import lru_cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear

PIECES = 8
"""Of a weight that meets a single row: enough for the threads of a processor that has few."""
SMALLEST_CUT = 1 << 16
"""Numbers in a weight that is worth cutting."""


def fast_linear(
    x: Float[Tensor, "*rows C"], weight: Float[Tensor, "V C"], bias: Float[Tensor, " V"] | None = None
) -> Float[Tensor, "*rows V"]:
    """`torch.nn.functional.linear` where no gradient is wanted: by oneDNN where that is the faster one.

    torch multiplies float32 numbers with MKL, which does its best on processors of its maker only. On an AMD EPYC of
    2023 oneDNN takes half the time for a vocabulary of 50,257, and a tenth less for large square products. A single row
    comes off worst, on one thread whatever there are; as a batch of products with pieces of the weight it takes a
    quarter of the time. Equal up to rounding; which way it is depends on the processor alone, so a run that is resumed
    goes on to the same bits. Other numbers, devices and precisions, and what is being compiled, go the usual way.
    """
    if not (onednn_is_faster() and _are_plain(x, weight, bias)):
        return linear(x, weight, bias)
    if x.numel() == x.shape[-1] and weight.numel() >= SMALLEST_CUT and weight.is_contiguous():
        return _in_pieces(x, weight, bias)
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def _in_pieces(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """One row times the weight, in `PIECES` products and one with the rows that are left."""
    width, even = weight.shape[1], len(weight) // PIECES * PIECES
    pieces = weight[:even].view(PIECES, -1, width)
    column = x.reshape(1, width).T  # by its strides MKL tells a column from rows of one, which it is slow with
    product = torch.bmm(pieces, column.expand(PIECES, -1, -1)).flatten()
    if even < len(weight):
        product = torch.cat([product, weight[even:] @ x.reshape(width)])
    return (product if bias is None else product + bias).view(*x.shape[:-1], len(weight))


def _are_plain(*tensors: Tensor | None) -> bool:
    """Whether oneDNN may be asked: float32 on the processor, nothing that rounds on purpose, no gradient."""
    return (
        all(t is None or (t.dtype == torch.float32 and t.device.type == "cpu") for t in tensors)
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled("cpu")
        and torch.backends.mkldnn.matmul.fp32_precision not in ("bf16", "tf32")  # type: ignore[attr-defined]  # made at run time
        and not (torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors))
    )


@lru_cache(maxsize=1)
def onednn_is_faster() -> bool:
    """Whether torch multiplies with MKL here, and the processor is not Intel's; and whether it has oneDNN instead."""
    there = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return there and torch.backends.mkl.is_available() and processor_vendor() not in ("GenuineIntel", "")


def processor_vendor() -> str:
    """`GenuineIntel`, `AuthenticAMD`, …; empty where the system does not say."""
    if sys.platform == "linux" and (facts := Path("/proc/cpuinfo")).is_file():
        found = re.search(r"^vendor_id\s*:\s*(\S+)", facts.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
        return found[1] if found else ""
    found = re.search(r"Genuine\w+|Authentic\w+", platform.processor())
    return found[0] if found else ""
