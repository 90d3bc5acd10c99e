"""The questions of an evaluation, from the formats in which their authors publish them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench import fits_utf8


@dataclass(frozen=True)
class Choice:
    """A context and continuations of which one is right: `choices[answer]`. Spaces between are part of the choices."""

    context: str
    choices: tuple[str, ...]
    answer: int

    def __post_init__(self) -> None:
        if empty := [choice for choice in self.choices if not choice.strip()]:
            raise ValueError(
                f"wanted choices with text in them, got {empty[0]!r} among {len(self.choices)}; leave the question out"
            )


@dataclass(frozen=True)
class Cloze:
    """A context and the one continuation that is right."""

    context: str
    continuation: str


Item = Choice | Cloze
Record = Mapping[str, Any]
"""A question as its authors publish it: one line of their file."""


def lambada(record: Record) -> Cloze:
    """The last word of a passage (Paperno et al. 2016, arXiv 1606.06031): {"text"}, as in OpenAI's file."""
    context, space, word = field(record, "text", str).rstrip().rpartition(" ")
    if not context or not word:
        raise ValueError(f"wanted a passage of at least two words, got {record['text']!r}; leave the line out")
    return Cloze(context, space + word)


def hellaswag(record: Record) -> Choice:
    """The end of a description (Zellers et al. 2019, arXiv 1905.07830): {"activity_label", "ctx_a", "ctx_b", "endings",
    "label"}; the text is cleaned as in lm-eval, so that figures compare."""
    ctx_b = field(record, "ctx_b", str)
    context = f"{field(record, 'activity_label', str)}: {field(record, 'ctx_a', str)} {ctx_b.capitalize()}"
    endings = tuple(" " + _clean(ending) for ending in field(record, "endings", list))
    return Choice(_clean(context), endings, _answer(record.get("label"), len(endings)))


def _clean(text: str) -> str:
    """WikiHow's markup taken out: [title] begins a sentence, [step] and the like stand for nothing."""
    return re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". ")).replace("  ", " ")


def minimal_pair(record: Record) -> Choice:
    """Two sentences that differ in one point of grammar (BLiMP, Warstadt et al. 2020, arXiv 1912.00582):
    {"sentence_good", "sentence_bad"}. Each is scored whole, from the end-of-text token on."""
    return Choice("", (field(record, "sentence_good", str), field(record, "sentence_bad", str)), 0)


def multiple_choice(record: Record) -> Choice:
    """Your own questions: {"question", "choices", "answer"}, the answer a number from 0 on or a letter from A on."""
    choices = tuple(" " + choice.strip() for choice in field(record, "choices", list))
    return Choice(field(record, "question", str).rstrip(), choices, _answer(record.get("answer"), len(choices)))


def field(record: Record, name: str, kind: type[Any]) -> Any:
    """The value of a field; ValueError where it is missing, empty or of another kind."""
    value: Any = record.get(name)
    if not isinstance(value, kind) or not (value or name.startswith("ctx")):
        got = "nothing" if name not in record else repr(value)[:60]
        raise ValueError(
            f"wanted {name!r}, a {'list' if kind is list else 'text'} that is not empty, got {got} beside the fields "
            f"{sorted(record)}; name the fields as the task's authors do"
        )
    parts = value if kind is list else [value]
    if any(isinstance(part, str) and not fits_utf8(part) for part in parts):
        raise ValueError(f"wanted {name!r} in UTF-8, got half a surrogate pair in {value!r}; repair the text")
    if kind is list and not all(isinstance(part, str) and part.strip() for part in value):
        raise ValueError(f"wanted {name!r} to be a list of texts that are not empty, got {value!r}; fill them in")
    return value


def _answer(value: Any, n_choices: int) -> int:
    """0-based number of the right choice from a number, a numeral or a letter."""
    text = str(value).strip()
    number = int(text) if text.isdecimal() else ord(text.upper()) - ord("A") if re.fullmatch("[A-Za-z]", text) else -1
    if not 0 <= number < n_choices or n_choices < 2:
        raise ValueError(
            f"wanted the number (from 0) or letter (from A) of one of at least 2 choices, got answer {value!r} of "
            f"{n_choices}; correct the line"
        )
    return number
