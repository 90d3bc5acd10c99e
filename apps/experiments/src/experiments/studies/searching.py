"""A search: values of some fields of a recipe, all of them, drawn ones, or drawn ones that have to last.

A search finds what was best on the seeds that it looked at. The best of many is lucky, too, so it ends with a plan that
tries the winner against the recipe it came from on seeds that were never looked at.
"""

import dataclasses
import itertools
import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from ..facts import Run
from ..plans import Plan, check_name, checked
from ..results import Result

ETA = 3
"""Halving keeps one of so many, and runs it so many times as long (arXiv 1502.07943)."""
RUNGS = 3
FRESH = 5
"""Seeds of the plan that confirms."""
MOST = 1000
Runner = Callable[[Plan], Sequence[Result]]


@dataclass(frozen=True)
class Candidate:
    """One combination of values, and how well it did."""

    name: str
    changes: dict[str, Any]
    """What was searched, alone."""
    bits_per_byte: float | None = None
    """Mean over texts and seeds; None where every run failed."""
    steps: int = 0
    cpu_seconds: float = 0.0
    """Of all its runs."""


def search(plan: Plan, method: str, trials: int, run: Runner) -> list[Candidate]:
    """The candidates, best first. run: does the runs of a plan; what is done already is not done again.

    ValueError for a plan without `[search]`, with several recipes, or with a space that has nothing to search."""
    space = _space(plan)
    if len(plan.recipes) != 1:
        raise ValueError(f"recipes: wanted one that is searched from, got {len(plan.recipes)}; leave the others out")
    if not 1 <= trials <= MOST:
        raise ValueError(f"--trials: wanted 1 to {MOST}, got {trials}; correct it")
    if method == "grid":
        names = [name for name, values in space.items() if isinstance(values, dict)]
        if names:
            raise ValueError(f"{names[0]}: wanted a list of values for a grid, got a range; list them, or take random")
        drawn = [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]
        if len(drawn) > MOST:
            raise ValueError(f"[search]: wanted at most {MOST} combinations, got {len(drawn):,}; list fewer values")
    else:
        drawn = draws(space, trials)
    candidates = [Candidate(f"c{number:03}", changes) for number, changes in enumerate(drawn)]
    if method != "halving":
        return _judged(plan, candidates, 1, run)
    lost: list[Candidate] = []
    for rung in reversed(range(RUNGS)):
        candidates = _judged(plan, candidates, ETA**rung, run)
        if rung:
            keep = max(1, math.ceil(len(candidates) / ETA))
            candidates, lost = candidates[:keep], [*candidates[keep:], *lost]
    return [*candidates, *lost]


def draws(space: dict[str, Any], trials: int) -> list[dict[str, Any]]:
    """So many combinations, the same ones each time, none twice where there are enough."""
    chance, found = random.Random(0), list[dict[str, Any]]()
    for _ in range(trials * 50):
        one = {name: _drawn(values, chance) for name, values in space.items()}
        if one not in found:
            found.append(one)
        if len(found) == trials:
            break
    return found


def _drawn(values: Any, chance: random.Random) -> Any:
    if isinstance(values, list):
        return chance.choice(values)
    low, high = values["low"], values["high"]
    if isinstance(low, int) and isinstance(high, int):
        return chance.randint(low, high)
    if values.get("log"):
        return float(f"{math.exp(chance.uniform(math.log(low), math.log(high))):.4g}")
    return float(f"{chance.uniform(low, high):.4g}")


def _judged(plan: Plan, candidates: Sequence[Candidate], part: int, run: Runner) -> list[Candidate]:
    """The candidates with what they reach in that part of the steps, best first."""
    runs = {one.name: [_of(one, run, part) for run in plan.runs] for one in candidates}
    many = f"{len(candidates)} candidate{'s' * (len(candidates) != 1)}"
    what = f"{many}, {'in full' if part == 1 else f'1/{part} of the steps each'}"
    every = tuple(one for some in runs.values() for one in some)
    results = run(dataclasses.replace(plan, name=f"{plan.name}: {what}", runs=every))
    found = []
    for candidate in candidates:
        keys = {one.key for one in runs[candidate.name]}
        steps = 0 if part == 1 else runs[candidate.name][0].changes["steps"]
        mine = [one for one in results if one.key in keys]
        bits = [one.bits_per_byte for one in mine if one.bits_per_byte is not None]
        spent = candidate.cpu_seconds + sum(one.cpu_seconds for one in mine)
        whole = fmean(bits) if len(bits) == len(mine) else None
        found.append(dataclasses.replace(candidate, bits_per_byte=whole, steps=steps, cpu_seconds=spent))
    return sorted(found, key=lambda one: (one.bits_per_byte is None, one.bits_per_byte or 0))


def _of(candidate: Candidate, one: Run, part: int) -> Run:
    """A run of the plan with the values of a candidate, in that part of its steps."""
    name, changes = candidate.name, {**one.changes, **candidate.changes}
    if part > 1:
        changes["steps"] = max(1, round(one.resolved.steps / part))
        name = f"{name}-{changes['steps']}"
    try:  # what cannot be is refused before anything runs
        made = dataclasses.replace(one, recipe=name, changes=checked(Path(), one.base, changes)[1])
        _ = made.resolved
    except ValueError as error:
        raise ValueError(f"[search]: {error} (in {changes})") from None
    return made


def confirmation(plan: Plan, found: Sequence[Candidate], path: Path, folder: Path) -> Path:
    """Write the plan that tries the winner on seeds that the search did not see, and return its path."""
    first = plan.runs[0]
    start = max(run.seed for run in plan.runs) + 1
    lines = [f"seeds = {[start + n for n in range(FRESH)]}", f"threads = {plan.threads}"]
    for name, place in dict.fromkeys((run.text, run.path) for run in plan.runs):
        where = "embedded" if place is None else place if place.startswith("hf://") else str(Path(place).resolve())
        lines += ["", "[[texts]]", f"name = {json.dumps(name)}", f"path = {json.dumps(where, ensure_ascii=False)}"]
    base = str(Path(first.base).resolve()) if Path(first.base).exists() else first.base
    for name, changes in ((first.recipe, {}), (f"{first.recipe}-found", found[0].changes)):
        lines += ["", "[[recipes]]", f"name = {json.dumps(name)}", f"recipe = {json.dumps(base, ensure_ascii=False)}"]
        lines += [
            f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in {**first.changes, **changes}.items()
        ]
    out = path.with_name(f"{folder.name}-confirm.toml")
    out.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return out


def told(found: Sequence[Candidate]) -> str:
    """A line a candidate, best first."""
    lines = [f"{'BITS/BYTE':>9}  {'STEPS':>6}  {'CPU S':>7}  VALUES"]
    for one in found:
        bits = "failed" if one.bits_per_byte is None else f"{one.bits_per_byte:.4f}"
        values = ", ".join(f"{name} = {value}" for name, value in one.changes.items())
        lines.append(f"{bits:>9}  {one.steps or 'all':>6}  {one.cpu_seconds:7.1f}  {values}")
    return "\n".join(lines)


def _space(plan: Plan) -> dict[str, Any]:
    space = plan.tables.get("search")
    if not space:
        raise ValueError(f"[search]: wanted a table of fields and their values, got none in plan {plan.name}; add one")
    for name, values in space.items():
        try:
            check_name(name)
        except ValueError as error:
            raise ValueError(f"search.{error}") from None
        if isinstance(values, list) and values:
            continue
        ends: dict[str, Any] = values if isinstance(values, dict) else {}
        numbers: list[Any] = [ends.get(end) for end in ("low", "high")]
        good = all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in numbers)
        if not good or ends.keys() - {"low", "high", "log"} or not numbers[0] < numbers[1]:
            raise ValueError(f"search.{name}: wanted a list of values, or low below high, got {values!r}; correct it")
        if ends.get("log") and numbers[0] <= 0:
            raise ValueError(f"search.{name}: wanted low above 0 on a logarithmic scale, got {numbers[0]}; correct it")
    return dict(space)
