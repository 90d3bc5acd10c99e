"""What the processor and this torch can do for products: asked here and nowhere else."""

import platform
import re
import sys
from functools import lru_cache
from pathlib import Path

import torch

_QUESTIONS = {
    "amx": "_is_amx_tile_supported",
    "avx512_bf16": "_is_avx512_bf16_supported",
    "avx512_vnni": "_is_vnni_supported",
}


def processor_has(feature: str) -> bool:
    """Whether torch says that the processor has "amx" (matrix tiles), "avx512_bf16" (products of 16-bit numbers) or
    "avx512_vnni" (products of bytes). False also where torch cannot tell; ValueError for another feature."""
    if feature not in _QUESTIONS:
        raise ValueError(f"wanted a feature out of {', '.join(_QUESTIONS)}, got {feature!r}; choose one of these")
    return bool(getattr(torch.cpu, _QUESTIONS[feature], lambda: False)())


@lru_cache(maxsize=1)
def onednn_is_there() -> bool:
    """Whether this torch has oneDNN, and the functions of it that are used here (they are not public)."""
    names = ("_linear_pointwise", "_reorder_linear_weight")
    return torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in names)


@lru_cache(maxsize=1)
def onednn_is_faster() -> bool:
    """Whether torch multiplies with MKL here, and the processor is not Intel's; and whether it has oneDNN instead."""
    return onednn_is_there() and torch.backends.mkl.is_available() and _vendor() not in ("GenuineIntel", "")


def _vendor() -> str:
    """`GenuineIntel`, `AuthenticAMD`, …; empty where the system does not say."""
    if sys.platform == "linux" and (facts := Path("/proc/cpuinfo")).is_file():
        found = re.search(r"^vendor_id\s*:\s*(\S+)", facts.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
        return found[1] if found else ""
    found = re.search(r"Genuine\w+|Authentic\w+", platform.processor())
    return found[0] if found else ""
