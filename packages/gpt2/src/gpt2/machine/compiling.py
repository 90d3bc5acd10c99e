"""`--compile`: whether compiled steps pay for a run, and the loss that it then trains with."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tensors import fork_random
from trainkit import n_ranks

from ..model import GPT2
from .precision import autocast_type, multiplying

logger = logging.getLogger(__name__)

Loss = Callable[[Any, Any], tuple[Tensor, Tensor]]
COST = 60.0
"""Seconds, about, that compiling takes for each shape of micro-batch (124M parameters on two cores)."""
GAIN = 0.1
"""Of the time of a step, what compiling may be hoped to save."""


class Compiling:
    """Tries a loss on `samples`: a micro-batch of each shape to come, and how many of them."""

    def __init__(self, model: GPT2, loss: Loss, precision: str, samples: Sequence[tuple[Any, int]]) -> None:
        self.model, self.loss, self.precision, self.samples = model, loss, precision, samples
        # Not `dynamic`: kernels of a shape must not depend on the shapes before, which a resumed run has not seen.
        self.compiled: Loss = torch.compile(loss, dynamic=False)

    def seconds(self, loss: Loss, repeats: int = 2) -> float:
        """What all micro-batches to come will take with `loss`, by the best of so many of each shape."""
        return sum(count * min(self.once(loss, batch) for _ in range(repeats)) for batch, count in self.samples)

    def once(self, loss: Loss, batch: Any) -> float:
        """Seconds of a micro-batch's loss and gradients. Leaves nothing behind: no gradient, no random number."""
        parameters, device = (
            [p for p in self.model.parameters() if p.requires_grad],
            self.model.final_norm.weight.device,
        )
        began = time.perf_counter()
        autocast = torch.autocast(device.type, autocast_type(self.precision), self.precision == "bfloat16")
        with fork_random("compile"), multiplying(self.precision, compiled=loss is self.compiled):
            with autocast:
                total = loss(self.model.train(), tuple(part.to(device) for part in batch))[0]
            gradients = torch.autograd.grad(total, parameters, allow_unused=True)
            float(gradients[-1].sum()) if gradients[-1] is not None else None  # waits for the device
        return time.perf_counter() - began

    def fails(self) -> str | None:
        """Compile for every shape; the reason in a line where that does not work."""
        logger.info("compiling the training step, about %.0f s", COST * len(self.samples))
        try:
            for batch, _ in self.samples:
                self.once(self.compiled, batch)
        except Exception as error:  # of torch's compilers, of the C++ compiler they call, of what they do not know
            return f"{type(error).__name__}: {(str(error).strip() or 'no reason given').splitlines()[0]}"
        return None


def compiled_loss(asked: str | None, attempt: Callable[[], Compiling]) -> Loss | None:
    """The compiled loss where `asked` ("on", "auto", "off") wants one and it works, else None; says why in one line.

    "auto" compiles where the run is so long that a tenth of it is more than compiling takes, and keeps what is then
    measured to be faster. ValueError where "on" fails.
    """
    if asked in (None, "off"):
        return None
    if asked == "on":
        trial = attempt()
        if (reason := trial.fails()) is not None:
            raise ValueError(
                f"--compile on: wanted torch.compile to work here, got {reason}; install a C++ compiler (g++ or clang) "
                f"if that is what is missing, or leave --compile out"
            )
        return trial.compiled
    if n_ranks() > 1:
        logger.info("--compile auto: not compiled, each of %d processes would compile for itself", n_ranks())
        return None
    loss, said = if_it_pays(attempt())
    logger.info("--compile auto: %s", said)
    return loss


def if_it_pays(trial: Compiling) -> tuple[Loss | None, str]:
    """The compiled loss, or None where it would not pay; and why."""
    plain, cost = trial.seconds(trial.loss), COST * len(trial.samples)
    if plain * GAIN < cost:
        return None, f"not compiled, {plain:.0f} s of steps are to come, and it pays from {cost / GAIN:.0f} s on"
    if (reason := trial.fails()) is not None:
        return None, f"not compiled, that failed: {reason}"
    faster = trial.seconds(trial.compiled)
    if faster >= plain:
        return None, f"not compiled, the steps to come would take {faster:.0f} s instead of {plain:.0f} s"
    return trial.compiled, f"compiled, the steps to come take {faster:.0f} s instead of {plain:.0f} s"


def compiled_again(attempt: Callable[[], Compiling]) -> Loss | None:
    """For a resumed run that was compiled: the compiled loss, or a warning where that fails now."""
    trial = attempt()
    if (reason := trial.fails()) is None:
        return trial.compiled
    logger.warning("resumes without torch.compile, so equal up to rounding only, as it fails here: %s", reason)
    return None
