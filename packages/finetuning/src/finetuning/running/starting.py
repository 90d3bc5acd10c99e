"""How a run begins, or goes on: its folder, its device, and what must be as it was."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, cast

import numpy as np
import torch

import gpt2
from dataio import split_by_content
from gpt2 import GPT2, Tokenizer
from tensors import choose_device
from trainkit import Evaluation
from workbench import Hold, hold, with_expanded_paths

from ..files.peft import base_checksum
from .record import TuneRecord, claimed, read_record, versions
from .settings import Precision, RunSettings, check

WIDE = 128
"""Channels of a model from which on 16-bit products save time where a CPU has units for them."""
HELD_OUT = 0.1
"""Share of the examples to judge by, where no file of them is given."""
S = TypeVar("S", bound=RunSettings)
T = TypeVar("T")


def two_sides(
    items: Sequence[T],
    ids: Callable[[T], Sequence[int]],
    source: object,
    what: str,
    *,
    got: str | None = None,
    share: float = HELD_OUT,
) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """Those to learn from, and about a `share` to judge by; those of equal ids land on one side. ValueError, with
    `what` is wanted two of and what was `got`, where that leaves nobody to judge by."""
    try:
        sides = split_by_content([(np.array(ids(item)),) for item in items], share)
    except ValueError:
        raise ValueError(
            f"{source}: wanted at least two different {what}, one to judge by, got {got or len(items)}; add some, or "
            f"give others with --held-out"
        ) from None
    learned, judged = (tuple(items[number] for number in side.indices) for side in sides)
    return learned, judged


class TaskRun(gpt2.Run):
    """A run that learns a task: with its record and its tokenizer."""

    record: TuneRecord
    tokenizer: Tokenizer

    def in_words(self, found: Evaluation) -> str:
        """What an evaluation has found, for a progress bar."""
        return f"held out {found.loss:.3f}"

    def begin(self) -> None:
        """A new run: what it is like before the first step, then its record. A start that took computing is saved
        before that, so that whoever resumes the run has it."""
        self.validation = self.evaluate()
        if self.record.settings.start_is_computed:
            self._save(0)
        self.record.write()


R = TypeVar("R", bound=TaskRun)


@dataclass(frozen=True)
class Start(Generic[S]):
    """A folder that is held, and what was asked for in it."""

    settings: S
    """Those that the run began with."""
    now: S
    """Those of this start."""
    device: torch.device
    held: Hold
    earlier: TuneRecord | None

    @property
    def micro_batch_size(self) -> int | None:
        return self.now.micro_batch_size or self.settings.micro_batch_size

    def record(
        self, base: GPT2, data: dict[str, str], an_epoch: int, before: Callable[[], dict[str, Any]]
    ) -> TuneRecord:
        """The record of the run, new or as it was. data: digests of what is learned and of what is held out; an_epoch:
        steps in which each example is seen once; before: judges the base, for a new run. ValueError where the model or
        the examples of a run have changed since it began."""
        settings = replace(self.settings, precision=chosen_precision(self.settings.precision, base, self.device))
        facts = {"base": {"source": str(settings.source), "sha256": base_checksum(base)}, "data": data}
        if self.earlier is not None:
            _check_same(self.earlier, facts)
            if not any((self.held.path / name).is_dir() for name in ("model", "adapter")):  # else nothing is computed
                bits = self._bits(self.settings.precision)
                gpt2.compare_bit_conditions(self.earlier.bits, bits, self.held.path, False, {})
            return self.earlier
        steps = settings.steps_of(an_epoch)
        every = settings.evaluate_every or max(1, -(-steps // 5))
        return TuneRecord(
            self.held.path,
            settings,
            steps,
            every,
            settings.save_every or every,
            self.now.log_every,
            before=before(),
            versions=versions(),
            bits=self._bits(settings.precision),
            **facts,
        )

    def _bits(self, precision: str) -> dict[str, Any]:
        """On what the last bits of the weights depend here."""
        rows = self.micro_batch_size or self.settings.batch_size
        return gpt2.bit_conditions(self.device, precision, rows)

    def begun(self, run: R) -> R:
        """The run, ready to be iterated over."""
        run.begin() if self.earlier is None else run.restore()
        return run


def chosen_precision(asked: Precision, base: GPT2, device: torch.device) -> Precision:
    """What was asked for; for "auto" what `gpt2 train` takes on this device, but float32 for a model less than `WIDE`,
    whose products are so small that casting to 16 bits costs more than it saves."""
    narrow = base.final_norm.weight.numel() < WIDE
    return "float32" if asked == "auto" and narrow else cast(Precision, gpt2.choose_precision(asked, device))


def started(settings: S, prepare: Callable[[Start[S]], R]) -> R:
    """What `prepare` makes of a start: in a new folder, or in that of the run that is resumed.

    Raises ValueError or OSError for what is wrong with settings, folder or device; InUse, a ValueError, for a folder
    that another process works in. After an error the folder is free again.
    """
    check(settings)
    settings = with_expanded_paths(settings)
    device = choose_device(settings.device)
    if settings.resume is None:
        with claimed(settings.out) as held:
            return prepare(Start(settings, settings, device, held, None))
    earlier = read_record(settings.resume, type(settings))
    held = hold(settings.resume, shared=True)
    try:
        return prepare(Start(cast(S, earlier.settings), settings, device, held, earlier))
    except BaseException:
        held.release()
        raise


def _check_same(earlier: TuneRecord, facts: dict[str, Any]) -> None:
    for name, what in (("base", f"the model {earlier.base['source']}"), ("data", f"{earlier.settings.data}")):
        then, now = getattr(earlier, name), facts[name]
        if changed := [key for key in now if then.get(key) != now[key]]:
            raise ValueError(
                f"{earlier.folder}: wanted {what} as when the run began ({changed[0]} {then.get(changed[0])}), got "
                f"another ({now[changed[0]]}); bring it back, or begin a new run"
            )
