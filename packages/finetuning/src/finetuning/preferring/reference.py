"""What the model thought of the answers before it learned: computed once, and kept in the run's folder."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gpt2 import GPT2
from workbench import read_object, write_text

from ..running.record import TuneRecord
from .likelihoods import judge_pairs
from .pairs import Pair

NAME = "reference.json"
Known = list[tuple[float, float]]


def kept_reference(
    record: TuneRecord, base: GPT2, learned: Sequence[Pair], judged: Sequence[Pair], *, new: bool
) -> tuple[Known, Known]:
    """For each pair the base's summed log-probabilities of the chosen and of the rejected answer. A new run computes
    and writes them, with the SHA-256 of base and pairs; one that goes on reads them, and no second model is needed.

    ValueError for a file that is missing, damaged, or of another base or other pairs."""
    path = record.folder / NAME
    facts: dict[str, Any] = {"base": record.base["sha256"], "data": record.data}
    if new:
        found = {"learned": _known(base, learned), "held_out": _known(base, judged)}
        write_text(path, json.dumps({**facts, **found}) + "\n")
        return found["learned"], found["held_out"]
    content = read_object(path) if path.is_file() else {}
    if {name: content.get(name) for name in facts} != facts:
        got = "those of another base or other pairs" if content else "no such file"
        raise ValueError(
            f"{path}: wanted the log-probabilities that this run began with, got {got}; copy it back from a backup, or "
            f"begin a new run"
        )
    return _read(content, "learned", len(learned), path), _read(content, "held_out", len(judged), path)


def _known(base: GPT2, pairs: Sequence[Pair]) -> Known:
    found = judge_pairs(base, pairs)
    return list(zip(found.chosen, found.rejected, strict=True))


def _read(content: Mapping[str, Any], name: str, count: int, path: Path) -> Known:
    try:
        known = [(float(chosen), float(rejected)) for chosen, rejected in content[name]]
    except (KeyError, TypeError, ValueError):
        known = []
    if len(known) != count:
        raise ValueError(
            f"{path}: wanted two numbers for each of the {count} pairs in {name}, got something else; copy it "
            f"back from a backup, or begin a new run"
        )
    return known
