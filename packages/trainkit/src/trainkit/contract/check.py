"""What any training run must keep, as a suite: `check(build)` names in plain words the claim that failed.

`build()` makes a fresh run, the same every time: an object with `model` (the weights that are compared),
`steps(start, stop)` (an iterator that takes steps start to stop and yields each one's loss), `evaluate()` (a number or
None), `save(folder)` and `load(folder)`. A run that can cut its global batch into n micro-batches also has
`steps(start, stop, cut=n)`. Imports torch and `workbench` only.
"""

import inspect
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from workbench import Broken, BrokenClaim, Held


@runtime_checkable
class Trial(Protocol):
    model: nn.Module

    def steps(self, start: int, stop: int) -> Iterator[Any]: ...

    def evaluate(self) -> Any: ...

    def save(self, folder: Path) -> None: ...

    def load(self, folder: Path) -> None: ...


def check(build: Callable[[], Trial], steps: int = 6, tolerance: float = 1e-4) -> Held:
    """The claims that held; BrokenClaim at the first that fails. Accumulation is judged where `steps` takes `cut`."""
    repeats_itself(build, steps)
    resumes_exactly(build, steps)
    evaluation_does_not_disturb(build, steps)
    claims = ["a run repeats itself", "a run resumes exactly", "evaluation does not disturb"]
    if "cut" not in inspect.signature(build().steps).parameters:
        return Held(claims, ["accumulation; let steps take cut=, the number of micro-batches"])
    accumulation_equals_the_big_batch(build, steps, tolerance)
    return Held([*claims, "accumulation equals the big batch"])


def repeats_itself(build: Callable[[], Trial], steps: int = 6) -> None:
    """Two fresh runs are the same, bit for bit; without this the other claims mean nothing."""
    first, second = (_trained(build(), 0, steps) for _ in range(2))
    _same(first, second, "a run repeats itself", "two fresh runs differ: does build() seed everything that it draws?")


def resumes_exactly(build: Callable[[], Trial], steps: int = 6) -> None:
    """Stopped after any step, saved, loaded into a fresh run and continued: the same losses and weights."""
    whole = _trained(build(), 0, steps)
    for at in range(1, steps):
        with tempfile.TemporaryDirectory() as folder:
            begun = build()
            losses = [float(loss) for loss in begun.steps(0, at)]
            begun.save(Path(folder))
            torch.rand(7)  # a fresh process has not the random state of this one
            resumed = build()
            resumed.load(Path(folder))
            rest, weights = _trained(resumed, at, steps)
        _same(
            whole,
            (losses + rest, weights),
            "a run resumes exactly",
            f"a run saved after step {at} of {steps} and resumed goes another way",
        )


def evaluation_does_not_disturb(build: Callable[[], Trial], steps: int = 6) -> None:
    """With an evaluation after every step the losses and weights are those without; twice gives the same number."""
    quiet, watched, losses = _trained(build(), 0, steps), build(), []
    for loss in watched.steps(0, steps):
        losses.append(float(loss))
        first, second = watched.evaluate(), watched.evaluate()
        if first is not None and float(first) != float(second):
            said = f"two evaluations after step {len(losses)} differ: {float(first)!r}, {float(second)!r}"
            raise BrokenClaim(Broken("evaluation does not disturb", said))
    _same(
        quiet,
        (losses, _weights(watched)),
        "evaluation does not disturb",
        "evaluating after every step changes the training",
    )


def accumulation_equals_the_big_batch(build: Callable[[], Trial], steps: int = 6, tolerance: float = 1e-4) -> None:
    """The same global batch cut into 2 and 3 micro-batches gives the same losses within `tolerance` (relative)."""
    whole = [float(loss) for loss in build().steps(0, steps)]
    for cut in (2, 3):
        parts = [float(loss) for loss in build().steps(0, steps, cut=cut)]  # type: ignore[call-arg]
        for number, (a, b) in enumerate(zip(whole, parts, strict=True), start=1):
            if abs(a - b) > tolerance * max(1.0, abs(a)):
                said = f"step {number} cut into {cut} micro-batches has loss {b!r}, uncut {a!r}"
                raise BrokenClaim(Broken("accumulation equals the big batch", said))


def _trained(run: Trial, start: int, stop: int) -> tuple[list[float], dict[str, Tensor]]:
    losses = [float(loss) for loss in run.steps(start, stop)]
    return losses, _weights(run)


def _weights(run: Trial) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in run.model.state_dict().items()}


def _same(
    wanted: tuple[list[float], dict[str, Tensor]], got: tuple[list[float], dict[str, Tensor]], claim: str, said: str
) -> None:
    for number, (a, b) in enumerate(zip(wanted[0], got[0], strict=True), start=1):
        if a != b:
            raise BrokenClaim(Broken(claim, f"{said} (loss of step {number}: {b!r} instead of {a!r})"))
    for name, tensor in wanted[1].items():
        if not torch.equal(tensor, got[1][name]):
            raise BrokenClaim(Broken(claim, f"{said} (first differing tensor: {name})"))
