"""How much memory there is, as the operating system says, and whether a model of some shape can be in it at all."""

import os
import re
from pathlib import Path

import torch

from ..config import GPT2Config

TRAINED = 12
"""Bytes a parameter takes at least while it is trained: its float32, its gradient, and a number of the optimizer's."""


def free_memory() -> int:
    """Bytes of main memory that a new process may take; OSError with what to do where the system does not say."""
    information = Path("/proc/meminfo")
    if information.is_file():
        found = re.search(r"MemAvailable:\s+(\d+) kB", information.read_text(encoding="ascii"))
        if found:
            return int(found[1]) * 1024
    if (whole := all_memory()) is not None:
        return whole
    raise OSError("memory: wanted the system to say how much is free, got no answer; name it with --memory GB")


def all_memory() -> int | None:
    """Bytes of main memory, whoever uses them; None where the system does not say."""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def check_memory(config: GPT2Config, device: torch.device) -> None:
    """ValueError for a shape that main memory cannot hold while it is trained there; other devices say so anyway."""
    there = all_memory() if device.type == "cpu" else None
    if there is not None and config.n_parameters * TRAINED > there:
        raise ValueError(
            f"shape: wanted at most {there // TRAINED:,} parameters, which is what {there / 1e9:.0f} GB of memory hold "
            f"in training, got {config.n_parameters:,}; choose a smaller --n-embd, --n-layer or --n-ctx"
        )
