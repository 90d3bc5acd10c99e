"""How much of the machine a run uses."""

import sys
import time
from typing import Any

import torch
from torch import nn

from ..gradients import Loss
from ..loop import Step
from ..machine.batch_device import device_of, move


def count_flops(model: nn.Module, batch: Any, loss: Loss) -> int:
    """Operations of one forward and backward pass over `batch`, counted by torch: matrix products, convolutions."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        loss(model, move(batch, device_of(model)))[0].backward()
    model.zero_grad(set_to_none=True)
    return counter.get_total_flops()


def measured_peak(
    device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32, size: int = 2048, rounds: int = 5
) -> float:
    """Operations per second of the best of `rounds` products of two [size, size] matrices: the practical limit."""
    left, right = (torch.ones(size, size, device=device, dtype=dtype) for _ in range(2))
    seconds = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        float((left @ right)[0, 0])  # reading waits for the device
        seconds.append(time.perf_counter() - began)
    return 2 * size**3 / min(seconds[1:])


def utilisation(step: Step, flops_per_item: float, peak: float) -> float:
    """The share of `peak` operations per second that the step used (PaLM, arXiv 2204.02311, appendix B)."""
    return step.items * flops_per_item / step.seconds / peak


def peak_memory(device: torch.device | str = "cpu") -> int:
    """Bytes: the most that torch allocated on a CUDA device; on the CPU the most that the process held resident."""
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        raise ValueError("wanted a system with getrusage for the CPU's peak memory, got Windows; use the task manager")
    import resource

    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held if sys.platform == "darwin" else held * 1024
