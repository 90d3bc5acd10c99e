"""Tasks that are made by rule, so that any number of them can be drawn, and every answer checked."""

import random
import string
from collections.abc import Callable
from dataclasses import dataclass

LETTERS = (3, 6)
"""Shortest and longest word, in letters."""


@dataclass(frozen=True)
class Kind:
    """One kind of task: `draw` gives what a prompt is about, `words` writes the prompt, `answer` solves it."""

    draw: Callable[[random.Random], tuple[str, ...]]
    words: str
    answer: Callable[..., str]


def spelled(word: str) -> str:
    """The letters of a word, one by one."""
    return "-".join(word)


def compared(first: str, second: str) -> str:
    """Which of two numbers is the larger one."""
    return "equal" if int(first) == int(second) else max(first, second, key=int)


def _word(draw: random.Random, alphabet: str = string.ascii_lowercase) -> str:
    return "".join(draw.choice(alphabet) for _ in range(draw.randint(*LETTERS)))


def _one_word(draw: random.Random) -> tuple[str, ...]:
    return (_word(draw),)


def _letter_and_word(draw: random.Random) -> tuple[str, ...]:
    few = "".join(draw.sample(string.ascii_lowercase, 3))  # so that some letter comes more than once
    return draw.choice(few), _word(draw, few)


def _number(draw: random.Random) -> tuple[str, ...]:
    return (str(draw.randrange(2 ** draw.randint(1, 12))),)


def _two_numbers(draw: random.Random) -> tuple[str, ...]:
    below = 10 ** draw.randint(1, 3)
    return str(draw.randrange(below)), str(draw.randrange(below))


KINDS = {
    "copy": Kind(_one_word, "copy {}:", str),
    "reverse": Kind(_one_word, "reverse {}:", lambda word: word[::-1]),
    "sort": Kind(_one_word, "sort {}:", lambda word: "".join(sorted(word))),
    "count": Kind(_letter_and_word, "count {} in {}:", lambda letter, word: str(word.count(letter))),
    "spell": Kind(_one_word, "spell {}:", spelled),
    "convert": Kind(_number, "convert {} to binary:", lambda number: f"{int(number):b}"),
    "compare": Kind(_two_numbers, "compare {} and {}:", compared),
}
"""The kinds of tasks by their names; a prompt begins with its kind's."""


def solution(prompt: str) -> str | None:
    """The answer to the prompt of a task; None for a text that is no such prompt."""
    name, *rest = prompt.strip().removesuffix(":").split() or [""]
    kind = KINDS.get(name)
    if kind is None:
        return None
    form = kind.words.removesuffix(":").split()[1:]
    if len(form) != len(rest) or any(want not in ("{}", got) for want, got in zip(form, rest, strict=True)):
        return None
    try:
        return kind.answer(*(got for want, got in zip(form, rest, strict=True) if want == "{}"))
    except ValueError:  # numbers that are none
        return None


def is_solved(prompt: str, answer: str) -> bool:
    """Whether an answer to the prompt of a task is the right one, spaces around it left aside; False for a text that
    is no such prompt."""
    return answer.strip() == solution(prompt)
