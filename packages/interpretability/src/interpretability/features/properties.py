"""Classes to probe for: properties that every token of a text has, and labels of whole texts from a file."""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from workbench import expanded, read_json_lines, read_utf8

KINDS = ("word", "number", "space", "line end", "other")
Property = Callable[[Sequence[str]], list[int]]
"""From the tokens of a text, as strings, to a class of each; -1 for one that has none."""


def kind_of(token: str) -> int:
    """Which of `KINDS` a token is, by its first character that is no space."""
    if "\n" in token:
        return KINDS.index("line end")
    bare = token.strip()
    if not bare:
        return KINDS.index("space")
    if bare[0].isalpha() or bare[0] == "_":
        return KINDS.index("word")
    return KINDS.index("number" if bare[0].isdigit() else "other")


def next_kind(tokens: Sequence[str]) -> list[int]:
    """The kind of the token after each; the last one has none."""
    return [kind_of(token) for token in tokens[1:]] + [-1]


def line_start(tokens: Sequence[str]) -> list[int]:
    """1 for a token that begins a line; the first one of a text, whose line may have begun before, has none."""
    return [-1] + [int(before.endswith("\n")) for before in tokens[:-1]]


def in_string(tokens: Sequence[str]) -> list[int]:
    """1 for a token after an opening quote, " or ', that its line has not closed yet. None in the first line, which may
    have begun before. An apostrophe between letters opens nothing."""
    classes, opened, known = [], "", False
    text = "".join(tokens)
    place = 0
    for token in tokens:
        classes.append(int(bool(opened)) if known else -1)
        for character in token:
            before, after = text[place - 1 : place], text[place + 1 : place + 2]
            if character == "\n":
                opened, known = "", True
            elif opened and character == opened:
                opened = ""
            elif not opened and character in "\"'" and not (before.isalpha() and after.isalpha()):
                opened = character
            place += 1
    return classes


def indented(tokens: Sequence[str]) -> list[int]:
    """1 for a token of a line that begins with a space or a tab; none in the first line, and for line ends."""
    classes, state, fresh = [], -1, False
    for token in tokens:
        if fresh and token and not token.startswith("\n"):
            state, fresh = int(token[0] in " \t"), False
        classes.append(-1 if fresh else state)
        if "\n" in token:
            rest = token.rpartition("\n")[2]
            state, fresh = (int(rest[0] in " \t"), False) if rest else (-1, True)
    return classes


PROPERTIES: dict[str, tuple[Property, tuple[str, ...]]] = {
    "next-kind": (next_kind, KINDS),
    "line-start": (line_start, ("no", "yes")),
    "in-string": (in_string, ("no", "yes")),
    "indented": (indented, ("no", "yes")),
}
"""By the name that is typed: the function, and the names of its classes."""


def read_labels(path: str | Path) -> tuple[list[str], list[str]]:
    """Texts and their labels out of JSON lines, {"text": …, "label": …}, or of CSV with these two columns.

    ValueError, with the line, for one without a text or a label, for fewer than two labels, and for other files.
    """
    path = expanded(path)
    if path.suffix not in (".jsonl", ".csv"):
        raise ValueError(
            f"{path}: wanted JSON lines (.jsonl) or .csv with text and label, got another ending; name it so"
        )
    texts, labels = [], []
    for number, text, label in _json_rows(path) if path.suffix == ".jsonl" else _csv_rows(path):
        if not isinstance(text, str) or not text or isinstance(label, (dict, list)) or label in (None, ""):
            raise ValueError(
                f'{path}: wanted "text" and "label" in line {number}, got {text!r:.40} and {label!r:.40}; mend it'
            )
        texts.append(text)
        labels.append(str(label))
    if len(set(labels)) < 2:
        raise ValueError(
            f"{path}: wanted at least 2 different labels, got {len(set(labels))}; a probe tells them apart: give texts "
            "of another label, too"
        )
    return texts, labels


def _json_rows(path: Path) -> list[tuple[int, object, object]]:
    return [(number, line.get("text"), line.get("label")) for number, line in read_json_lines(path)]


def _csv_rows(path: Path) -> list[tuple[int, object, object]]:
    rows = csv.DictReader(io.StringIO(read_utf8(path, "labels"), newline=""))
    return [(rows.line_num, row.get("text"), row.get("label")) for row in rows]
