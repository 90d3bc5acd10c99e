"""Texts with labels: read from records, each with its place, and split into those to learn from and to judge by."""

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
    """Texts and labels of {"text", "label"} records, in their order. Texts that are longer than the model can read are
    left out and named, not cut.

    labels: those that there may be (default: those that there are, two or more, in alphabetical order; whole numbers in
    theirs). ValueError, with the place, for a record of another kind, an empty text and a label that is none of these.
    """
    found: list[tuple[str, str, tuple[int, ...], str]] = []
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
    names = _in_order({label for *_, label in found}) if labels is None else tuple(labels)
    if len(names) < 2:
        raise ValueError(f"data: wanted two or more labels, got {names[0]!r} alone; add texts with another")
    texts = tuple(LabeledText(place, text, ids, names.index(label)) for place, text, ids, label in found)
    return LabeledTexts(texts, tuple(too_long), names)


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
    return digest([[labels[text.label], *text.ids] for text in texts])


def _fields(record: Mapping[str, Any], known: frozenset[str] | None) -> tuple[str, str]:
    if not {"text", "label"} <= record.keys():
        raise ValueError(
            f'wanted {{"text", "label"}}, got {", ".join(map(str, record)) or "nothing"}; rename the fields'
        )
    text, label = record["text"], record["label"]
    if not isinstance(text, str):
        raise ValueError(f"text: wanted a text, got {text!r}; put it in quotes")
    if not text.strip():
        raise ValueError(f"text: wanted at least one word, got {text!r}; leave the record out")
    if isinstance(label, bool) or not isinstance(label, str | int) or not str(label).strip():
        raise ValueError(f"label: wanted a name or a whole number, got {label!r}; name the class")
    if known is not None and str(label) not in known:
        raise ValueError(
            f"label: wanted one of {', '.join(sorted(known)[:8])}, got {str(label)!r}, which the model has never seen; "
            f"correct it, or add texts with it to those to learn from"
        )
    return text, str(label)


def _in_order(labels: Iterable[str]) -> tuple[str, ...]:
    names = sorted(labels)
    return tuple(sorted(names, key=int) if all(name.isdecimal() for name in names) else names)
