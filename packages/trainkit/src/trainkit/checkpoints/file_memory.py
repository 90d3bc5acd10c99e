"""A file read once into memory of its own: hashed on the way, and its tensors used where they lie."""

import hashlib
import json
import math
import mmap
from pathlib import Path

import torch
from torch import Tensor

Memory = mmap.mmap

PIECE = 1 << 20
"""Bytes that are read, then hashed while the processor's cache still holds them."""

DTYPES = {
    **{f"F{bits}": getattr(torch, f"float{bits}") for bits in (16, 32, 64)},
    **{f"I{bits}": getattr(torch, f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"U{bits}": getattr(torch, f"uint{bits}") for bits in (8, 16, 32, 64)},
    **{"BF16": torch.bfloat16, "BOOL": torch.bool, "C64": torch.complex64},
    **{"F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2},
}
"""Names of dtypes in safetensors files."""


def read_hashed(path: Path) -> tuple[Memory, str, int]:
    """The file's bytes in fresh memory (not a view of the file, which may change), their SHA-256 and their number."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        size = file.seek(0, 2)
        file.seek(0)
        memory = mmap.mmap(-1, max(1, size))
        if hasattr(mmap, "MADV_HUGEPAGE"):  # Linux: a page fault for 2 MB instead of one for 4 kB
            memory.madvise(mmap.MADV_HUGEPAGE)
        view, at = memoryview(memory), 0
        while at < size and (got := file.readinto(view[at : min(size, at + PIECE)])):
            digest.update(view[at : at + got])
            at += got
    return memory, digest.hexdigest(), at


def tensors_in(memory: Memory) -> dict[str, Tensor]:
    """The tensors of a safetensors file as writable views of `memory`, which lives as long as they do.

    Layout (github.com/huggingface/safetensors, README): 8 bytes with the header's length N, N bytes of JSON, the data.
    """
    start = 8 + int.from_bytes(memory[:8], "little")
    header = json.loads(memory[8:start])
    header.pop("__metadata__", None)
    data = torch.frombuffer(memory, dtype=torch.uint8)
    tensors = {}
    for name, entry in header.items():
        begin, end = (start + offset for offset in entry["data_offsets"])
        dtype, shape = DTYPES[entry["dtype"]], entry["shape"]
        empty = math.prod(shape) == 0
        tensors[name] = torch.empty(shape, dtype=dtype) if empty else data[begin:end].view(dtype).view(shape)
    return tensors
