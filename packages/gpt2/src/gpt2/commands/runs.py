"""`gpt2 runs`: what became of the runs in a folder, a line each, or of two side by side. Reads their files alone."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench import InUse, hold, read_json_lines, read_object, tell_next

from .settings import RunsSettings

WIDTH = 80
HEADS = ("RUN", "RECIPE", "TEXT", "STEPS", "BITS/BYTE", "SECONDS", "STATE")
SHRINKING = 3
"""The first so many columns give way where a line is too long."""
COMPARED = ("recipe", "seed", "data", "precision", "compiled", "versions", "bits")
"""What of `run.json` decides the result, and is looked through for differences."""


@dataclass(frozen=True)
class RunState:
    """What became of a run, as its files say."""

    folder: Path
    recipe: str
    text: str
    steps: int
    """Steps done: of a run that goes on, at the last line of its metrics; of a stopped one, in its last checkpoint."""
    total: int
    bits_per_byte: float | None
    """Of the held-out text at the last evaluation; None before the first."""
    seconds: float | None
    """At the last line of metrics.jsonl; None before the first."""
    state: str
    """finished, stopped at N, or running, pid N."""
    pid: int | None
    """Of the process that works there, where it said so."""
    content: dict[str, Any]
    """All of `run.json`."""


def runs_command(settings: RunsSettings) -> int:
    """Print the runs of a folder, or compare two, and name the next command."""
    if len(settings.folders) == 2:
        first, second = map(run_state, settings.folders)
        _tell_two(first, second, settings.json)
        return 0
    if len(settings.folders) > 2:
        raise ValueError(f"FOLDER: wanted one folder, or two runs, got {len(settings.folders)}; name two")
    [folder] = settings.folders or (Path("runs"),)
    found = dict(states(folder))
    good = [one for one in found.values() if isinstance(one, RunState)]
    if settings.json:
        print(json.dumps([_plain(path, one) for path, one in found.items()], indent=2))
    else:
        print("\n".join(table(found)))
    if going := [one for one in good if one.state.startswith("stopped")]:
        tell_next("gpt2", ["train", "--resume", str(going[-1].folder)], beside_results=settings.json)
    elif len(good) > 1:
        words = ["gpt2", "runs", *(str(one.folder) for one in good[-2:])]
        tell_next("gpt2", words, beside_results=settings.json)
    elif good:
        tell_next("gpt2", ["gpt2", "recipe", str(good[0].folder)], beside_results=settings.json)
    return 0


def states(folder: Path) -> Iterator[tuple[Path, RunState | str]]:
    """The runs of a folder, by name, or the run that it is; for a folder that holds none that is whole, why.

    ValueError where there is nothing to look at."""
    if not folder.is_dir():
        what = f"a file, {folder}" if folder.exists() else f"no folder {folder} here"
        raise ValueError(f"wanted a folder with runs, got {what}; `train` makes runs/001, or name another")
    if (folder / "run.json").exists():
        yield folder, run_state(folder)
        return
    inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not inside:
        raise ValueError(f"{folder}: wanted a folder with runs, got none in it; `train` begins one")
    deeper = sorted({path.parent.parent for path in folder.glob("*/*/run.json")})
    if len(deeper) == 1 and not any((path / "run.json").exists() for path in inside):
        raise ValueError(f"{folder}: wanted a folder with runs, got them one folder further down; name {deeper[0]}")
    for path in inside:
        try:
            yield path, run_state(path)
        except (ValueError, OSError) as error:
            yield path, str(error).removeprefix(f"{path}: ")


def run_state(folder: Path) -> RunState:
    """The state of one run; ValueError for what is none of `train`'s, or is damaged."""
    path = folder / "run.json"
    if not path.is_file():
        raise ValueError(f"{folder}: wanted a run, got {'no run.json' if folder.is_dir() else 'no such folder'}")
    try:
        content = read_object(path)
    except (ValueError, RecursionError):
        raise ValueError(f"{folder}: wanted the record of a run, got a damaged run.json") from None
    try:
        recipe, total, text = content["recipe"]["name"], content["recipe"]["steps"], content["data"]["name"]
    except (KeyError, TypeError):
        recipe = total = text = None
    if "format" not in content or not (isinstance(recipe, str) and isinstance(text, str) and type(total) is int):
        raise ValueError(f"{folder}: wanted a run of train, got a run.json of another kind")
    saved = [int(one.name[5:]) for one in (folder / "checkpoints").glob("step-*") if one.name[5:].isdecimal()]
    logged, bits, seconds = _last(folder / "metrics.jsonl")
    finished, (held, pid) = (folder / "model").is_dir(), _holder(folder)
    done = total if finished else logged if held else max(saved, default=0)
    running = f"running{'' if pid is None else f', pid {pid}'}"
    state = "finished" if finished else running if held else f"stopped at {done}"
    return RunState(folder, recipe, text, done, total, bits, seconds, state, None if finished else pid, content)


def _last(metrics: Path) -> tuple[int, float | None, float | None]:
    """Step, bits per byte and seconds as they were told last; a line that a power cut tore ends the reading."""
    step, told = 0, dict[str, float | None](bits_per_byte=None, seconds=None)
    with suppress(ValueError, OSError):
        for _, line in read_json_lines(metrics):
            step = line["step"] if type(line.get("step")) is int else step
            told |= {name: line[name] for name in told if _is_number(line.get(name))}
    return step, told["bits_per_byte"], told["seconds"]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def _holder(folder: Path) -> tuple[bool, int | None]:
    """Whether a process holds the folder, and its number. A lock file that a killed one left holds nothing."""
    if (folder / ".lock").exists():
        try:
            hold(folder).release()
        except InUse as held:
            return True, held.pid
        except OSError:  # may not be opened for writing
            pass
    return False, None


def table(found: dict[Path, "RunState | str"]) -> list[str]:
    """A line for each run, at most 80 columns wide; what is no run is named with the reason."""
    rows = [HEADS] + [_row(one) for one in found.values() if isinstance(one, RunState)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    while sum(widths) + 2 * (len(HEADS) - 1) > WIDTH and max(widths[:SHRINKING]) > 6:
        widths[widths.index(max(widths[:SHRINKING]))] -= 1
    lines = [_line(HEADS, widths)] if len(rows) > 1 else []
    for path, one in found.items():
        lines.append(_line(_row(one), widths) if isinstance(one, RunState) else _cut(f"{path.name}: {one}", WIDTH))
    return lines


def _row(one: RunState) -> tuple[str, ...]:
    name = one.folder.name or str(one.folder)
    bits, seconds = _number(one.bits_per_byte, ".4f"), _number(one.seconds, ".0f")
    text = one.text.rstrip("/").rpartition("/")[2] or one.text
    return name, one.recipe, text, f"{one.steps}/{one.total}", bits, seconds, one.state


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Cells side by side; numbers, which stand between the shrinking columns and the last, to the right."""
    padded = []
    for n, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        cut = _cut(cell, width)
        padded.append(cut.rjust(width) if SHRINKING <= n < len(HEADS) - 1 else cut.ljust(width))
    return "  ".join(padded).rstrip()


def _cut(text: str, width: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def differences(first: RunState, second: RunState) -> dict[str, tuple[Any, Any]]:
    """What was otherwise when two runs began, by the field of `run.json`; None where one has no such field."""
    a, b = ({name: one.content.get(name) for name in COMPARED} for one in (first, second))
    left, right = dict(_flat(a)), dict(_flat(b))
    names = [*left, *(name for name in right if name not in left)]
    return {name: (left.get(name), right.get(name)) for name in names if left.get(name) != right.get(name)}


def _flat(value: dict[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    for name, one in value.items():
        if isinstance(one, dict):
            yield from _flat(one, f"{where}{name}.")
        else:
            yield f"{where}{name}", one


def _tell_two(first: RunState, second: RunState, as_json: bool) -> None:
    differing = differences(first, second)
    better = min((first, second), key=lambda one: (one.bits_per_byte is None, one.bits_per_byte or 0))
    if as_json:
        both = [_plain(one.folder, one) for one in (first, second)]
        print(json.dumps({"runs": both, "differs": differing}, indent=2))
    else:
        rows: list[tuple[str, ...]] = [("", str(first.folder), str(second.folder))]
        rows += [(head.lower(), *two) for head, *two in zip(HEADS, _row(first), _row(second), strict=True)][1:]
        rows += [("", "", ""), ("what differs", "", "")] if differing else []
        rows += [(name.removeprefix("recipe."), str(a), str(b)) for name, (a, b) in differing.items()]
        wide = min(26, max(len(row[0]) for row in rows))
        each = (WIDTH - wide - 4) // 2
        print("\n".join(_line(row, (wide, each, each)) for row in rows))
        if not differing:
            print("\nNothing differs of what they were to learn, nor how.")
    tell_next("gpt2", ["gpt2", "recipe", str(better.folder)], beside_results=as_json)


def _plain(path: Path, one: RunState | str) -> dict[str, Any]:
    if isinstance(one, str):
        return {"folder": str(path), "damaged": one}
    return {name: value for name, value in asdict(one).items() if name != "content"} | {"folder": str(path)}
