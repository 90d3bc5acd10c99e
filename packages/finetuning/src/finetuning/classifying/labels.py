"""Texts with labels: read from records, each with its place, and split into those to learn from and to judge by."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gpt2 import Tokenizer
from workbench import digest

from ..examples import Example
from ..running.starting import two_sides
from .classifier import readable


@dataclass(frozen=True)
class LabeledText:
    """A text as ids, with its label's number, and where it stands."""

    place: str
    text: str
    ids: tuple[int, ...]
    label: int
    shares: tuple[float, ...] | None = None
    """How sure each label is, where the record says so; `label` is the surest."""

    @property
    def example(self) -> Example:
        """An example whose answer is the label: what is predicted after the last token is its number."""
        return Example((*self.ids, self.label), (*[False] * len(self.ids), True), 0)


@dataclass(frozen=True)
class LabeledTexts:
    """The texts of a file that fit the model, where those stand that do not, and the names of the labels."""

    fitting: tuple[LabeledText, ...]
    too_long: tuple[str, ...]
    labels: tuple[str, ...]


def read_labeled(
    records: Iterable[tuple[str, Mapping[str, Any]]],
    tokenizer: Tokenizer,
    n_ctx: int,
    labels: Sequence[str] | None = None,
) -> LabeledTexts:
    """Texts and labels of {"text", "label"} records, in their order. A label is a name, a whole number, or the share of
    each: {"good": 0.7, "bad": 0.3}. Texts that are longer than the model can read are left out and named, not cut.

    labels: those that there may be (default: those that there are, two or more, in alphabetical order; whole numbers in
    theirs). ValueError, with the place, for a record of another kind, an empty text and a label that is none of these.
    """
    found: list[tuple[str, str, tuple[int, ...], dict[str, float]]] = []
    too_long: list[str] = []
    known = None if labels is None else frozenset(labels)
    for place, record in records:
        try:
            text, label = _fields(record, known)
            ids = tuple(tokenizer.encode(text))
            if len(ids) > n_ctx:
                too_long.append(f"{place} ({len(ids)} tokens)")
            else:
                found.append((place, text, readable(tokenizer, text, n_ctx), label))
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None
    if not found:
        got = f"none but longer ones: {too_long[0]}" if too_long else "an empty file"
        raise ValueError(f"data: wanted at least one text of at most {n_ctx} tokens, got {got}; write one a line")
    names = _in_order({name for *_, label in found for name in label}) if labels is None else tuple(labels)
    if len(names) < 2:
        raise ValueError(f"data: wanted two or more labels, got {names[0]!r} alone; add texts with another")
    texts = tuple(_labeled(place, text, ids, label, names) for place, text, ids, label in found)
    return LabeledTexts(texts, tuple(too_long), names)


def surest(label: Any) -> str:
    """The label of a record, or of several with their shares the surest; ValueError for what is none."""
    shares = _shares(label)
    return max(shares, key=lambda name: shares[name])


def split_labeled(
    texts: LabeledTexts, share: float, source: object
) -> tuple[tuple[LabeledText, ...], tuple[LabeledText, ...]]:
    """Those to learn from, and about a `share` to judge by, by content: equal texts land on one side. ValueError where
    there are too few, or where a label is only among those to judge by."""
    learned, judged = two_sides(texts.fitting, lambda text: text.ids, source, "texts", share=share)
    seen = {text.label for text in learned}
    if unseen := [text for text in judged if text.label not in seen]:
        raise ValueError(
            f"{unseen[0].place}: wanted a label that is also among the texts to learn from, got "
            f"{texts.labels[unseen[0].label]!r}, whose few texts are all held out; add texts with it, or give others "
            f"with --held-out"
        )
    return learned, judged


def texts_digest(texts: Sequence[LabeledText], labels: Sequence[str]) -> str:
    """SHA-256 of the texts' ids and labels."""
    return digest([[labels[text.label], *text.ids, *(text.shares or ())] for text in texts])


def _labeled(
    place: str, text: str, ids: tuple[int, ...], label: Mapping[str, float], names: Sequence[str]
) -> LabeledText:
    shares = tuple(label.get(name, 0.0) for name in names)
    return LabeledText(place, text, ids, shares.index(max(shares)), shares if len(label) > 1 else None)


def _fields(record: Mapping[str, Any], known: frozenset[str] | None) -> tuple[str, dict[str, float]]:
    if not {"text", "label"} <= record.keys():
        raise ValueError(
            f'wanted {{"text", "label"}}, got {", ".join(map(str, record)) or "nothing"}; rename the fields'
        )
    text, label = record["text"], record["label"]
    if not isinstance(text, str):
        raise ValueError(f"text: wanted a text, got {text!r}; put it in quotes")
    if not text.strip():
        raise ValueError(f"text: wanted at least one word, got {text!r}; leave the record out")
    shares = _shares(label)
    if unknown := [name for name in shares if known is not None and name not in known]:
        raise ValueError(
            f"label: wanted one of {', '.join(sorted(known or ())[:8])}, got {unknown[0]!r}, which the model has never "
            f"seen; correct it, or add texts with it to those to learn from"
        )
    return text, shares


def _shares(label: Any) -> dict[str, float]:
    """The share of each label that a record names: 1 of a single one."""
    if not isinstance(label, Mapping):
        if isinstance(label, bool) or not isinstance(label, str | int) or not str(label).strip():
            raise ValueError(f"label: wanted a name or a whole number, got {label!r}; name the class")
        return {str(label): 1.0}
    shares = {str(name): share for name, share in label.items() if share is not None}  # Parquet has all names in all
    for name, share in shares.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1 or not name.strip():
            raise ValueError(f"label: wanted a share from 0 to 1 of each name, got {share!r} of {name!r}; correct it")
    if not math.isclose(sum(shares.values()), 1, abs_tol=1e-3):
        raise ValueError(f"label: wanted shares that add up to 1, got {sum(shares.values()):g}; divide by their sum")
    return shares


def _in_order(labels: Iterable[str]) -> tuple[str, ...]:
    names = sorted(labels)
    return tuple(sorted(names, key=int) if all(name.isdecimal() for name in names) else names)
