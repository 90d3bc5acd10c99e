"""What commands that train tell of a run: how it goes, and one table at its end."""

import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from shlex import quote
from typing import TYPE_CHECKING, TypeVar

from workbench import next_lines, plain, typed, unfailing_output, write_text

from ..running.record import read_record
from ..running.settings import RunSettings, check

if TYPE_CHECKING:
    from evaluation import Comparison, Estimate

    from ..running.starting import TaskRun

S = TypeVar("S", bound=RunSettings)
LABEL = 34
"""Characters of a row's first column."""
COLUMNS = 80
"""Of what is told no line is wider, but for commands, paths and names."""
REPORT = "report.txt"
"""What a finished run has told, in its folder."""
FINISHED = "Finished  all steps are done; here is the result again"


def carry_out(
    settings: S,
    begin: "Callable[[S, Callable[[], bool]], TaskRun]",
    introduction: "Callable[[TaskRun], str]",
    report: "Callable[[TaskRun], str]",
    unit: str,
) -> int:
    """Train as `settings` say and tell how it goes. Returns 0 for a finished run; 129, 130 or 143 after a signal, all
    saved. Whatever becomes of what it prints, the run goes on. unit: what is counted a second.

    A finished run is not judged again: its report is kept. Raises ValueError or OSError for what is wrong, with how to
    resume where there is something to resume.
    """
    check(settings)  # before torch is imported
    with unfailing_output():
        if (kept := kept_report(settings)) is not None:
            say(f"{FINISHED}\n{kept}")
            return 0
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
    told = report(run).replace(COST, _cost(run, time.perf_counter() - began, peak_memory()))
    say(told)
    with suppress(OSError):  # then it is judged again
        write_text(run.folder / REPORT, f"{told}\n")
    return 0


def kept_report(settings: RunSettings) -> str | None:
    """The report of the run that is resumed, if it is finished and lies where it was when that was told."""
    if settings.resume is None:
        return None
    folder = read_record(settings.resume, type(settings)).folder
    path, results = folder / REPORT, [folder / name for name in ("adapter", "model")]
    told = path.read_text("utf-8", errors="replace").removesuffix("\n") if path.is_file() else ""
    return told if any(result.is_dir() and f": {result} (" in told for result in results) else None


COST = "\0"
"""Stands in a report where what the run cost is filled in."""


def _cost(run: "TaskRun", seconds: float, memory: int | None) -> str:
    since = f"since it was resumed after step {run.start}" if run.start else "in all"
    return f"{seconds:.0f} s {since}" + (f", peak memory {memory / 1e9:.2f} GB" if memory else "")


def _state(run: "TaskRun") -> list[str]:
    if run.finished:
        return [FINISHED]
    return [f"Resuming after step {run.start}"] if run.start else []


def model_line(run: "TaskRun") -> str:
    """The model, and how much of it learns."""
    from ..adapters import adapter_state

    trained = sum(p.numel() for p in run.model.parameters() if p.requires_grad)
    added = sum(tensor.numel() for tensor in adapter_state(run.model).values())
    own = (sum(p.numel() for p in run.model.parameters()) - added) / 1e6
    kind = f"{'beside which' if added else 'of which'} {trained:,} learn ({run.record.settings.method})"
    precision = "" if run.record.precision == "float32" else f", precision {run.record.precision}"
    source = run.record.base["source"]
    return fact("Model", f"{source}: {own:.2f} million weights, {kind} on {run.device}{precision}")


def fact(name: str, value: str) -> str:
    """What a run is, under its name, in lines that fit."""
    return fitted(f"{name:<10}{value}", " " * 10)


def fitted(text: str, indent: str = "") -> str:
    """A text in lines that fit, all but the first indented; words stay whole."""
    return textwrap.fill(text, COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def left_out(places: Sequence[str], why: str) -> list[str]:
    """The line that says which examples are left out, if any are."""
    from ..examples import shown

    return [fact("Left out", f"{len(places):,} {why}: {shown(places)}")] if places else []


def judged(run: "TaskRun") -> str:
    """The last evaluation in a few words for a progress bar."""
    return "" if run.validation is None else run.in_words(run.validation)


def table(
    rows: "Sequence[tuple[str, Estimate | None, Estimate]]", first: str = "before", second: str = "after"
) -> list[str]:
    """Estimates before and after, with the interval of the second."""
    lines = ["", f"{'':<{LABEL}}{first:>9}{second:>9}   95 % interval"]
    for name, was, now in rows:
        interval = "none from one" if now.low is None else f"{now.low:.3f} to {now.high:.3f}"
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
