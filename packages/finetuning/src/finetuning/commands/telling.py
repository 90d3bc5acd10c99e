"""What commands that train tell of a run: how it goes, and one table at its end."""

import sys
import time
from collections.abc import Callable, Sequence
from shlex import quote
from typing import TYPE_CHECKING, TypeVar

from workbench import next_lines, plain, typed, unfailing_output

from ..running.settings import RunSettings, check

if TYPE_CHECKING:
    from evaluation import Comparison, Estimate

    from ..running.starting import TaskRun

S = TypeVar("S", bound=RunSettings)
LABEL = 34
"""Characters of a row's first column."""


def carry_out(
    settings: S,
    begin: "Callable[[S, Callable[[], bool]], TaskRun]",
    introduction: "Callable[[TaskRun], str]",
    report: "Callable[[TaskRun], str]",
    unit: str,
) -> int:
    """Train as `settings` say and tell how it goes. Returns 0 for a finished run; 129, 130 or 143 after a signal, all
    saved. Whatever becomes of what it prints, the run goes on. unit: what is counted a second.

    Raises ValueError or OSError for what is wrong, with how to resume where there is something to resume.
    """
    check(settings)  # before torch is imported
    with unfailing_output():
        return _carried_out(settings, begin, introduction, report, unit)


def _carried_out(
    settings: S,
    begin: "Callable[[S, Callable[[], bool]], TaskRun]",
    introduction: "Callable[[TaskRun], str]",
    report: "Callable[[TaskRun], str]",
    unit: str,
) -> int:
    from trainkit import graceful_stop, peak_memory, progress

    began = time.perf_counter()
    with graceful_stop() as stop:
        run = begin(settings, lambda: stop.requested)
        say("\n".join([introduction(run), *_state(run)]))
        try:
            for _ in progress(run, total=run.total, start=run.start, unit=unit, describe=lambda: judged(run)):
                pass
        except (ValueError, OSError) as error:
            raise ValueError(f"{plain(error)}. Resume with {resuming(run)}") from error
        except KeyboardInterrupt:  # the second one
            raise KeyboardInterrupt(f"resume with {resuming(run)}") from None
    if not run.finished:
        say(
            f"Stopped after step {run.last_step} of {run.total}; everything is saved.\n\n"
            f"Resume with:\n  {resuming(run)}"
        )
        return stop.exit_code
    told = report(run)
    say(told.replace(COST, _cost(time.perf_counter() - began, peak_memory())))
    return 0


COST = "\0"
"""Stands in a report where what the run cost is filled in."""


def _cost(seconds: float, memory: int | None) -> str:
    return f"{seconds:.0f} s in all" + (f", peak memory {memory / 1e9:.2f} GB" if memory else "")


def _state(run: "TaskRun") -> list[str]:
    if run.start == run.total:
        return ["Finished  all steps are done; here is the result again"]
    return [f"Resuming after step {run.start}"] if run.start else []


def model_line(run: "TaskRun") -> str:
    """The model, and how much of it learns."""
    from ..adapters import adapter_state

    trained = sum(p.numel() for p in run.model.parameters() if p.requires_grad)
    added = sum(tensor.numel() for tensor in adapter_state(run.model).values())
    own = (sum(p.numel() for p in run.model.parameters()) - added) / 1e6
    kind = f"{'beside which' if added else 'of which'} {trained:,} learn ({run.record.settings.method})"
    precision = "" if run.record.precision == "float32" else f", precision {run.record.precision}"
    return f"Model     {run.record.base['source']}: {own:.2f} million weights, {kind} on {run.device}{precision}"


def judged(run: "TaskRun") -> str:
    """The last evaluation in a few words for a progress bar."""
    return "" if run.validation is None else run.in_words(run.validation)


def table(
    rows: "Sequence[tuple[str, Estimate | None, Estimate]]", first: str = "before", second: str = "after"
) -> list[str]:
    """Estimates before and after, with the interval of the second."""
    lines = ["", f"{'':<{LABEL}}{first:>9}{second:>9}   95 % interval"]
    for name, was, now in rows:
        interval = "one alone tells none" if now.low is None else f"{now.low:.3f} to {now.high:.3f}"
        left = "-" if was is None else f"{was.value:.3f}"
        lines.append(f"{name:<{LABEL}}{left:>9}{now.value:>9.3f}   {interval}".rstrip())
    return lines


def forgotten_line(lost: "Comparison") -> str:
    """How much less is known of the old text, with the interval of the difference."""
    value, low, high = lost.difference.value, lost.difference.low, lost.difference.high
    between = "" if low is None or high is None else f" ({signed(low)} to {signed(high)})"
    return f"Forgotten: {signed(value)} bits a byte of the old text{between}"


def signed(value: float) -> str:
    """A difference in three digits; what is nothing in them is +0.000, from whichever side."""
    return f"{round(value, 3) + 0.0:+.3f}"


def result_line(run: "TaskRun") -> str:
    """Where the result lies, and how large it is."""
    result = run.folder / run.trained.result
    size = sum(path.stat().st_size for path in result.glob("*.safetensors"))
    return f"{run.trained.result.capitalize()}: {result} ({size / 1e6:.2f} MB)"


def resuming(run: "TaskRun") -> str:
    """The command that resumes a run."""
    return typed("finetuning", f"finetuning {run.record.settings.command} --resume {quote(str(run.folder))}")


def after_adapter(run: "TaskRun", package: str, words: Sequence[str]) -> str:
    """The next command: an adapter is merged, with a whole model one goes on as `words` say."""
    if run.trained.result == "adapter":
        return next_lines("finetuning", ["finetuning", "merge", str(run.folder), "--out", f"{run.folder}-merged"])
    return next_lines(package, words)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
