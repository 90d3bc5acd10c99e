"""The command `experiments`. Nothing here imports torch until there is work for it."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from workbench import answered, counted, make_folder, parsed, tell_next

from ..plans import Plan, read_plan
from ..results import RESULTS, Result, read_results
from .settings import AverageSettings, CompareSettings, PageSettings, RunSettings, ScaleSettings, SearchSettings

DESCRIPTION = "Which change really helps: sweeps of training runs, paired, with intervals, in CPU seconds."
COMMANDS: dict[str, Any] = {
    "run": RunSettings,
    "compare": CompareSettings,
    "search": SearchSettings,
    "scale": ScaleSettings,
    "average": AverageSettings,
    "page": PageSettings,
}


def main() -> None:
    """`experiments run`, `compare`, `search`, `scale`, `average` and `page`"""
    sys.exit(answered("experiments", lambda: done(parsed("experiments", DESCRIPTION, COMMANDS)), left_behind=_left))


def done(settings: Any) -> int:
    """Do what the settings are for, and return the exit code."""
    work: dict[type, Any] = {
        RunSettings: run_command,
        CompareSettings: compare_command,
        SearchSettings: search_command,
        ScaleSettings: scale_command,
        AverageSettings: average_command,
        PageSettings: page_command,
    }
    return int(work[type(settings)](settings))


def _left() -> str:
    return "the same command goes on from what is done"


def all_of(plan: Plan, folder: Path, processes: int | None, *, alone: bool = False) -> list[Result]:
    """All results of a plan, counted on standard error as they come; in the order of the plan. alone: see `sweep`."""
    from ..sweeping import sweep

    if processes is not None and processes < 1:
        raise ValueError(f"--processes: wanted at least 1, got {processes}; leave it out")
    keys = {run.key for run in plan.runs}
    before = sum(one.key in keys for one in read_results(folder)) if (folder / RESULTS).exists() else 0
    found = sweep(plan, folder, processes, alone=alone)
    sys.stderr.write(f"experiments: {plan.name}\n")

    def new() -> Iterator[Result]:
        for number, one in enumerate(found):
            kept.append(one)
            if number >= before:
                yield one

    kept: list[Result] = []
    try:
        for _ in counted(new(), len(plan.runs), before, "run"):
            pass
    except ChildProcessError as error:
        raise OSError(str(error)) from None
    places = {run.key: number for number, run in enumerate(plan.runs)}
    return sorted(kept, key=lambda one: places[one.key])


def run_command(settings: RunSettings) -> int:
    """`experiments run`: 1 where a run failed."""
    from ..pictures.page import write_page
    from ..pictures.tables import summary, table

    plan = read_plan(settings.plan)
    folder = settings.out or settings.plan.with_suffix("")
    results = all_of(plan, folder, settings.processes, alone=True)
    page = write_page(results, folder / "page.html", plan.name)
    _tell(settings.json, {"results": summary(results), "page": str(page)}, f"{table(results)}\n\nPage: {page}")
    failed = [one for one in results if one.failed]
    for one in failed:
        sys.stderr.write(f"{one.recipe}, {one.text}, seed {one.seed} failed: {one.failed}\n")
    ended = [name for name in plan.recipes if any(one.recipe == name and not one.failed for one in results)]
    if len(ended) > 1:
        _next(["experiments", "compare", *ended[:2], "--results", str(folder)], settings.json)
    return int(bool(failed))


def compare_command(settings: CompareSettings) -> int:
    """`experiments compare`"""
    from ..comparing import compare, compare_all
    from ..pictures.tables import as_data, comparison, comparisons, what_differs

    results = read_results(settings.results or _only())
    if settings.second is None:
        every = compare_all(results, settings.first)
        lines = {name: [as_data(one) for one in found] for name, found in every.items()}
        _tell(settings.json, {"comparisons": lines}, comparisons(settings.first, every))
        return 0
    found = compare(results, settings.first, settings.second)
    differing = what_differs(results, settings.first, settings.second)
    data = {"comparisons": [as_data(one) for one in found], "differs": differing}
    _tell(settings.json, data, comparison(found, differing))
    return 0


def search_command(settings: SearchSettings) -> int:
    """`experiments search`"""
    from ..studies.searching import confirmation, search, told

    plan = read_plan(settings.plan)
    folder = settings.out or settings.plan.with_name(f"{plan.name}-{settings.method}")
    run = lambda part: all_of(part, folder, settings.processes)  # noqa: E731
    found = search(plan, settings.method, settings.trials, run)
    new = confirmation(plan, found, settings.plan, folder)
    data = {"candidates": [{"changes": one.changes, "bits_per_byte": one.bits_per_byte} for one in found]}
    _tell(settings.json, {**data, "confirm": str(new)}, told(found))
    _next(["experiments", "run", str(new)], settings.json, "the best of many is lucky, too; with new seeds:")
    return 0


def scale_command(settings: ScaleSettings) -> int:
    """`experiments scale`"""
    from ..studies.scaling import as_data, scale, told

    plan = read_plan(settings.plan)
    folder = settings.out or settings.plan.with_name(f"{plan.name}-scale")
    outcome = scale(plan, lambda part: all_of(part, folder, settings.processes))
    _tell(settings.json, as_data(outcome), told(outcome))
    return 0


def average_command(settings: AverageSettings) -> int:
    """`experiments average`"""
    from ..studies.averaging import average, judged

    if settings.out is None:
        raise ValueError("--out: wanted a folder for the averaged model, got none; name one")
    average(settings.checkpoints, settings.out)
    scores = judged([*settings.checkpoints, settings.out], settings.text) if settings.text else {}
    width = max(map(len, scores), default=0)
    lines = [f"{name:{width}}  {bits:.4f} bits per byte" for name, bits in scores.items()]
    _tell(
        settings.json,
        {"model": str(settings.out), "bits_per_byte": scores},
        "\n".join([*lines, f"Model: {settings.out}"]),
    )
    return 0


def page_command(settings: PageSettings) -> int:
    """`experiments page`"""
    from ..pictures.page import write_page

    folder = settings.results
    out = settings.out or (folder if folder.is_dir() else folder.parent) / "page.html"
    results = read_results(folder)
    if out.is_dir():
        raise ValueError(f"--out {out}: wanted a file for the page, got a folder; name one such as {out / 'page.html'}")
    make_folder(out.parent)
    print(write_page(results, out, folder.resolve().stem if folder.is_file() else folder.resolve().name))
    return 0


def _only() -> Path:
    """The only folder here that holds results."""
    found = sorted(path.parent for path in Path().glob(f"*/{RESULTS}"))
    if len(found) != 1:
        got = ", ".join(map(str, found[:5])) or "none"
        raise ValueError(f"--results: wanted the folder of a sweep, got {got} here; name one with --results DIR")
    return found[0]


def _tell(as_json: bool, data: Any, text: str) -> None:
    print(json.dumps(data, indent=2) if as_json else text)


def _next(words: Sequence[str], as_json: bool, before: str = "") -> None:
    tell_next("experiments", words, before, beside_results=as_json)
