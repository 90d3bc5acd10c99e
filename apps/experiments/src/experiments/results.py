"""results.jsonl: a line for every run that is done, appended whole: a killed sweep loses and repeats nothing."""

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import check_kinds, finished_lines, hold, make_folder, read_json_lines, sync

from .facts import Run, differences, digest_of
from .plans import Plan

RESULTS = "results.jsonl"


@dataclass(frozen=True)
class Result:
    """What became of one run."""

    recipe: str
    text: str
    seed: int
    digest: str
    """Of all that decides it (`Run.digest`)."""
    facts: dict[str, Any]
    bits_per_byte: float | None
    """Of the held-out text at the end; None for a run that failed."""
    cpu_seconds: float
    """From the first look at the text to the finished model, without the start of Python."""
    seconds: float
    curve: list[list[int | float]]
    """At each evaluation: step, CPU seconds so far, bits per byte."""
    parameters: int = 0
    tokens: int = 0
    """Learned from, in all steps."""
    flops: float = 0.0
    """By `GPT2Config.flops_per_token`, all steps."""
    fingerprint: str = ""
    """Of the text."""
    held_out: str = ""
    """What was held out, in words."""
    failed: str | None = None
    """Why, where it did."""
    place: int = 0
    """Of its run in the plan: results are told in that order, not in the one in which they came."""

    @property
    def key(self) -> tuple[str, str, int]:
        """As that of the run."""
        return self.recipe, self.text, self.seed


def read_results(folder: Path) -> list[Result]:
    """The results in a folder (or in that file), in the order of their plan; ValueError for what are none.

    A line that is being written, or broke off, is not there yet."""
    path = folder / RESULTS if folder.is_dir() else folder
    if not path.is_file():
        what = "a folder without results.jsonl" if folder.is_dir() else "no such folder"
        raise ValueError(f"{folder}: wanted the folder of a sweep, got {what}; `experiments run` makes one")
    found, whole = [], path.read_bytes()
    whole = whole[: whole.rfind(b"\n") + 1]
    for number, line in enumerate(whole.splitlines(), start=1):
        found.append(_result(line, f"{path}, line {number}"))
    return sorted(found, key=lambda one: one.place)


def _result(line: bytes | dict[str, Any], where: str) -> Result:
    try:
        made = Result(**(line if isinstance(line, dict) else json.loads(line)))
        check_kinds(made)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{where}: wanted the result of a run, got something else ({error}); repair the file"
        ) from None
    return made


def check_same_plan(plan: Plan, results: Sequence[Result], folder: Path, alone: bool = True) -> None:
    """ValueError where a result is of a run that the plan does not have (alone), or has otherwise."""
    runs = {run.key: run for run in plan.runs}
    for one in results:
        if one.key not in runs and not alone:
            continue
        if one.key not in runs:
            raise ValueError(
                f"{folder}: wanted the results of plan {plan.name}, got those of another one: recipe {one.recipe}, "
                f"text {one.text}, seed {one.seed} is not in it; name another folder with --out"
            )
        check_same_run(runs[one.key], one.facts, folder)


def check_same_run(run: Run, facts: dict[str, Any], folder: Path) -> None:
    """ValueError where a run of this name, which is done or begun there, had other facts."""
    if run.digest != digest_of(facts):
        name, then, now = next(differences(facts, run.facts))
        raise ValueError(
            f"{folder}: wanted {name} = {then!r}, as run {run.name} had, got {now!r} in the plan; give the changed "
            "recipe another name, or name another folder with --out"
        )


@contextmanager
def held_results(folder: Path) -> Iterator[list[Result]]:
    """The results of a folder that this process alone writes to as long as it works; a line that broke off is cut.

    Raises InUse, a ValueError, where another process sweeps there."""
    make_folder(folder)
    with hold(folder):
        lines = finished_lines(folder / RESULTS, resume=True) if (folder / RESULTS).exists() else []
        yield [_result(dict(line), f"{folder / RESULTS}, line {number}") for number, line in enumerate(lines, start=1)]


def append(folder: Path, result: Result) -> None:
    """One line, in one write, on the disk when this returns."""
    line = json.dumps(dataclasses.asdict(result), allow_nan=False) + "\n"
    file = os.open(folder / RESULTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
    sync(folder / RESULTS)


def of_run(run: Run, **facts: Any) -> Result:
    """The result of a run."""
    return Result(run.recipe, run.text, run.seed, run.digest, run.facts, **facts)


def read_one(path: Path) -> Result | None:
    """The result that a process wrote beside its run; None where there is none."""
    if not path.is_file():
        return None
    [(_, line)] = read_json_lines(path)
    return _result(line, str(path))
