"""Records of tasks, any number of them: `tasks:reverse,sort` stands where the name of a file could."""

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .kinds import KINDS

PREFIX = "tasks:"
COUNT = 2000
"""Tasks, unless told otherwise."""
IN_VAIN = 1000
"""Draws of what was there already, after which there is nothing new."""


@dataclass(frozen=True)
class TaskNames:
    """Which tasks are drawn: so many in all, of these kinds, from a seed."""

    kinds: tuple[str, ...]
    count: int = COUNT
    seed: int = 0


def read_names(text: str) -> TaskNames:
    """What `tasks:KIND,KIND…[:COUNT[:SEED]]` means. ValueError for kinds that there are none of, and for other
    numbers."""
    kinds, *numbers = text.removeprefix(PREFIX).split(":")
    names = tuple(name.strip() for name in kinds.split(","))
    for name in names:
        if name not in KINDS:
            raise ValueError(f"tasks: wanted some of {', '.join(KINDS)}, got {name!r}; correct it")
    if len(numbers) > 2 or not all(number.isascii() and number.isdecimal() for number in numbers):
        raise ValueError(f"{text}: wanted tasks:KIND,KIND:COUNT:SEED, got something else; COUNT and SEED are numbers")
    found = TaskNames(tuple(dict.fromkeys(names)), *map(int, numbers))
    if found.count < 1:
        raise ValueError(f"{text}: wanted at least one task, got {found.count}; leave the number out for {COUNT}")
    return found


def task_records(names: TaskNames) -> Iterator[tuple[str, dict[str, Any]]]:
    """Tasks with where they stand, each prompt once: the kinds in turns, each from a stream of its own.

    A record holds {"prompt", "completion"} for tuning, {"chosen", "rejected"} for preferences (the answer, and a
    wrong one that looks like it), and the name of its task. ValueError where a kind has no more tasks to give.
    """
    draws = {name: random.Random(f"{name} {names.seed}") for name in names.kinds}
    seen: set[str] = set()
    for number in range(names.count):
        name = names.kinds[number % len(names.kinds)]
        record = _drawn(name, draws[name], seen)
        if record is None:
            raise ValueError(
                f"tasks: wanted {names.count} different tasks, got {number}, and there are hardly more of {name}; ask "
                f"for fewer"
            )
        yield f"task {number + 1} of {PREFIX}{','.join(names.kinds)}", record


def _drawn(name: str, draw: random.Random, seen: set[str]) -> dict[str, Any] | None:
    kind = KINDS[name]
    for _ in range(IN_VAIN):
        about = kind.draw(draw)
        prompt = kind.words.format(*about)
        if prompt not in seen:
            seen.add(prompt)
            answer = kind.answer(*about)
            return {
                "task": name,
                "prompt": prompt,
                "completion": f" {answer}",
                "chosen": f" {answer}",
                "rejected": f" {slipped(answer, draw)}",
            }
    return None


def slipped(answer: str, draw: random.Random) -> str:
    """An answer with one slip: two neighbors exchanged, or a character that should be another."""
    places = [place for place in range(len(answer) - 1) if answer[place] != answer[place + 1]]
    if places and draw.random() < 0.5:
        place = draw.choice(places)
        return answer[:place] + answer[place + 1] + answer[place] + answer[place + 2 :]
    place = draw.randrange(len(answer))
    alphabet = string.digits if answer[place].isdecimal() else string.ascii_lowercase
    other = draw.choice([character for character in alphabet if character != answer[place]])
    return answer[:place] + other + answer[place + 1 :]
