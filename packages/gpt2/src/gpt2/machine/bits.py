"""What the last bits of a run's weights depend on besides its settings: written down when a run begins, compared when
it resumes. Sums over threads, and products of other instructions or another torch, round otherwise."""

import logging
import platform
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from tensors import processor_has
from trainkit import n_ranks

logger = logging.getLogger(__name__)

FEATURES = ("amx", "avx512_bf16", "avx512_vnni")
REMEDIES = {
    "threads": "set OMP_NUM_THREADS={}",
    "processes": "give --processes {}",
    "micro_batch_size": "give --micro-batch-size {}",
    "device": "give --device {}",
}
"""How to have it again; for the rest only the machine, or the version, helps."""


def bit_conditions(device: torch.device, precision: str, micro_batch_size: int) -> dict[str, Any]:
    """What decides here how a run's numbers are rounded, by name.

    device: where it computes. micro_batch_size: windows at a time."""
    graphics = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "threads": torch.get_num_threads(),
        "processes": n_ranks(),
        "micro_batch_size": micro_batch_size,
        "device": device.type,
        **({"gpu": graphics} if graphics else {}),
        "processor": _processor(),
        "instructions": " ".join([torch.backends.cpu.get_cpu_capability(), *filter(processor_has, FEATURES)]),
        "precision": precision,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def compare_bit_conditions(
    began: Mapping[str, Any], now: Mapping[str, Any], folder: Path, same_bits: bool, between: Mapping[str, Any]
) -> dict[str, Any]:
    """Warn in one line of what is otherwise than when the run in `folder` began; with `same_bits` ValueError, and for
    what was otherwise at an earlier resume (`between`), too. Returns what is otherwise now, by name.

    Records of earlier versions say nothing, and nothing is said of them, unless `same_bits` asks."""
    if not began:
        if same_bits:
            raise ValueError(
                f"--same-bits: wanted a run.json that says on what its bits depend, got {folder / 'run.json'} of an "
                f"earlier version, which does not; leave --same-bits out"
            )
        return {}
    if same_bits and between:
        got = ", ".join(f"{name} {value}" for name, value in between.items())
        raise ValueError(
            f"--same-bits: wanted a run whose every start was like its first, got one that went on with {got} "
            f"meanwhile; leave --same-bits out, or begin it anew"
        )
    other = [name for name in {**began, **now} if began.get(name) != now.get(name)]
    if not other:
        return {}
    wanted, got = (", ".join(f"{name} {facts.get(name)}" for name in other) for facts in (began, now))
    remedies = [REMEDIES[name].format(began.get(name)) for name in other if name in REMEDIES]
    if any(name not in REMEDIES for name in other):
        remedies.append("resume with the machine and the versions that began it")
    line = f"wanted {wanted}, as when the run in {folder} began, got {got}"
    if same_bits:
        raise ValueError(f"--same-bits: {line}; {', '.join(remedies)}, or leave --same-bits out")
    logger.warning("%s: the weights may differ in their last bits; %s for the same ones", line, ", ".join(remedies))
    return {name: now.get(name) for name in other}


def _processor() -> str:
    """The model of the CPU, such as `AMD EPYC 9B14`; its architecture where the system does not say."""
    if sys.platform == "linux" and (facts := Path("/proc/cpuinfo")).is_file():
        text = facts.read_text(encoding="utf-8", errors="replace")
        if found := re.search(r"^model name\s*:\s*(.+?)\s*$", text, re.MULTILINE):
            return found[1]
    return platform.processor() or platform.machine()
