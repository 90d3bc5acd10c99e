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


def check(
    build: Callable[[], Trial],
    steps: int = 6,
    tolerance: float = 1e-4,
    *,
    reference: Callable[[], Trial] | None = None,
) -> Held:
    """The claims that held; BrokenClaim at the first that fails. Accumulation is judged where `steps` takes `cut`.

    What is computed (loss, optimizer, schedule) is judged against `reference`, which builds another run of the same
    data and first weights, its losses within `tolerance` (relative).
    """
    judged: list[tuple[str, Callable[[], None] | None, str]] = [
        ("a run repeats itself", lambda: repeats_itself(build, steps), ""),
        ("training changes every weight", lambda: changes_every_weight(build, steps), ""),
        ("a checkpoint stays as it was saved", lambda: checkpoints_stay(build, steps), ""),
        ("a run resumes exactly", lambda: resumes_exactly(build, steps), ""),
        ("evaluation does not disturb", lambda: evaluation_does_not_disturb(build, steps), ""),
        ("accumulation equals the big batch", None, "accumulation; let steps take cut=, the number of micro-batches"),
        ("losses are those of the reference", None, "loss, optimizer and schedule; pass reference="),
    ]
    if "cut" in inspect.signature(build().steps).parameters:
        judged[5] = judged[5][0], lambda: accumulation_equals_the_big_batch(build, steps, tolerance), ""
    if reference is not None:
        judged[6] = judged[6][0], lambda: equals_the_reference(build, reference, steps, tolerance), ""
    for _, attempt, _ in judged:
        if attempt is not None:
            attempt()
    held = [claim for claim, attempt, _ in judged if attempt is not None]
    return Held(held, [what for _, attempt, what in judged if attempt is None])


def repeats_itself(build: Callable[[], Trial], steps: int = 6) -> None:
    """Two fresh runs are the same, bit for bit; without this the other claims mean nothing."""
    first, second = (_trained(build(), 0, steps) for _ in range(2))
    _same(first, second, "a run repeats itself", "two fresh runs differ: does build() seed everything that it draws?")


def changes_every_weight(build: Callable[[], Trial], steps: int = 6) -> None:
    """What asks for a gradient is another after `steps` steps; without this a run that never steps keeps all else."""
    run = build()
    before = {name: weight.detach().clone() for name, weight in run.model.named_parameters() if weight.requires_grad}
    losses = [float(loss) for loss in run.steps(0, steps)]
    if still := [
        name for name, weight in run.model.named_parameters() if name in before and weight.equal(before[name])
    ]:
        said = f"after {steps} steps with losses {losses} {', '.join(still[:3])} is what it was"
        raise BrokenClaim(Broken("training changes every weight", said))


def checkpoints_stay(build: Callable[[], Trial], steps: int = 6) -> None:
    """A run that goes on after saving does not change what it saved."""
    with tempfile.TemporaryDirectory() as folder:
        run = build()
        list(run.steps(0, 1))
        run.save(Path(folder))
        saved: tuple[list[float], dict[str, Tensor]] = [], _weights(run)
        list(run.steps(1, steps))
        loaded = build()
        loaded.load(Path(folder))
        said = "saved after step 1, and loaded when the run had gone on: other weights than were saved"
        _same(saved, ([], _weights(loaded)), "a checkpoint stays as it was saved", said)


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


def equals_the_reference(
    build: Callable[[], Trial], reference: Callable[[], Trial], steps: int = 6, tolerance: float = 1e-4
) -> None:
    """Step by step the losses of another run that starts from the same weights and reads the same data."""
    ours, theirs = ([float(loss) for loss in make().steps(0, steps)] for make in (build, reference))
    for number, (got, wanted) in enumerate(zip(ours, theirs, strict=True), start=1):
        if not abs(got - wanted) <= tolerance * max(1.0, abs(wanted)):
            said = f"step {number} of {steps} has loss {got!r}, and the reference {wanted!r}"
            raise BrokenClaim(Broken("losses are those of the reference", said))


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
