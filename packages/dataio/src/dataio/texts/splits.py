"""Hold out text for evaluation so that nothing the model is judged on was learned from."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from typing import Literal

from workbench import many

from .corpora import Corpus, Document

SPLIT_BY_DOCUMENT = 20  # with fewer documents than this, whole ones are too coarse a unit
PIECE = 2000
"""Characters of the pieces that are held out where they come from everywhere, about."""

HeldOutFrom = Literal["end", "everywhere"]
"""Which part of a text is held out: its contiguous end, or pieces from all over it."""


def split_corpus(corpus: Corpus, held_out: float = 0.05, held_out_from: HeldOutFrom = "end") -> tuple[Corpus, Corpus]:
    """Split into (train, held out); every byte is in exactly one of the two.

    With at least `SPLIT_BY_DOCUMENT` documents whole documents move, chosen by a hash of their text: equal texts share
    a side, and a document does not change sides because others came or went, as long as chance gives between half and
    twice the share; else the hash decides from where on they come nearest to it. With fewer documents, or where they
    differ so much in size that whole ones cannot do it, the tail of every document is held out, cut after a line end
    (in a text without one after a space, or failing that anywhere).

    Args:
        corpus: what to split.
        held_out: fraction to hold out, above 0 and below 1; of the documents, or of each document's characters.
        held_out_from: "end", all of the above; "everywhere": evenly spaced pieces of about `PIECE` characters of every
            document. These share names, scenes and turns of phrase with what stands beside them, so a model that
            learned the rest does better on them than on text that is new.

    Raises:
        ValueError: the fraction is outside (0, 1), or there is too little text for two sides.
    """
    check_held_out(held_out)
    if held_out_from == "everywhere":
        return _named(corpus, held_out, *_by_pieces(corpus, held_out))
    train, tail = _by_content(corpus, held_out) if len(corpus.documents) >= SPLIT_BY_DOCUMENT else ([], [])
    if not _is_near(sum(len(document.text) for document in tail) / max(1, _length(corpus)), held_out):
        cut = _by_tail(corpus, held_out)
        train, tail = cut if all(cut) else (train, tail)
    return _named(corpus, held_out, train, tail)


def how_it_was_split(train: Corpus, held_out: Corpus) -> str:
    """What `split_corpus` held out, in words: whole documents, the end of the text or of its documents, or pieces."""
    learned, judged = (Counter(document.name for document in side.documents) for side in (train, held_out))
    if not learned.keys() & judged.keys():
        return "whole documents"
    if max(judged.values()) > 1 or max(learned.values()) > 1:
        return "pieces from all over"
    return "the end of the text" if len(learned | judged) == 1 else "the end of each document"


def _named(corpus: Corpus, held_out: float, train: list[Document], tail: list[Document]) -> tuple[Corpus, Corpus]:
    if not train or not tail:
        raise ValueError(
            f"wanted enough text to hold out {held_out:.0%}, got {many(len(corpus.documents), 'document')} of "
            f"{many(corpus.n_bytes, 'byte')} in {corpus.name}; add text"
        )
    return Corpus(f"{corpus.name} (train)", tuple(train)), Corpus(f"{corpus.name} (held out)", tuple(tail))


def check_held_out(fraction: float) -> None:
    """Raise ValueError unless 0 < fraction < 1."""
    if not 0.0 < fraction < 1.0:
        raise ValueError(f"wanted a held-out fraction between 0 and 1, got {fraction}; use for example 0.05")


def uniform_hash(text: str) -> float:
    """Hash a text to a number in [0, 1), the same everywhere."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def border(documents: Iterable[Document], held_out: float) -> float:
    """The largest hash of a text that is held out: `held_out` itself, unless chance left a side empty, which few
    documents or a small share can do; then one text (with its copies) is there.

    No more is read than it takes to find a text for each side. ValueError where all texts are equal.
    """
    least, most, second = 1.0, -1.0, -1.0
    for document in documents:
        place = uniform_hash(document.text)
        least = min(least, place)
        if place > most:
            second, most = most, place
        elif place < most:
            second = max(second, place)
        if least <= held_out < most:
            return held_out
    if second < 0:
        raise ValueError(
            "wanted at least two documents that differ, one for each side of a split, got "
            f"{'the same text only' if most >= 0 else 'none'}; add text, or use split_corpus, which cuts documents"
        )
    return least if least > held_out else second


def _is_near(share: float, wanted: float) -> bool:
    return wanted / 2 <= share <= 2 * wanted


def _length(corpus: Corpus) -> int:
    return sum(len(document.text) for document in corpus.documents)


def _by_content(corpus: Corpus, held_out: float) -> tuple[list[Document], list[Document]]:
    place, length = {document.text: uniform_hash(document.text) for document in corpus.documents}, Counter[str]()
    for document in corpus.documents:
        length[document.text] += len(document.text)
    order = sorted(place, key=place.__getitem__)
    shares = [so_far / max(1, _length(corpus)) for so_far in accumulate(length[text] for text in order)]
    n_held = sum(place[text] <= held_out for text in order)
    if not (0 < n_held < len(order) and _is_near(shares[n_held - 1], held_out)):
        n_held = 1 + min(
            range(max(1, len(order) - 1)), key=lambda n: max(shares[n] / held_out, held_out / max(shares[n], 1e-9))
        )
    held = set(order[:n_held])
    train = [document for document in corpus.documents if document.text not in held]
    tail = [document for document in corpus.documents if document.text in held]
    return train, tail


def _by_tail(corpus: Corpus, held_out: float) -> tuple[list[Document], list[Document]]:
    train, tail = [], []
    for document in corpus.documents:
        cut = _cut(document.text, round(len(document.text) * (1.0 - held_out)))
        if cut > 0:
            train.append(Document(document.name, document.text[:cut]))
        if cut < len(document.text):
            tail.append(Document(document.name, document.text[cut:]))
    return train, tail


def _by_pieces(corpus: Corpus, held_out: float) -> tuple[list[Document], list[Document]]:
    """What stands between two pieces stays one document, and pieces that touch are one."""
    train, tail, number = list[Document](), list[Document](), 0
    for document in corpus.documents:
        rest, before = document.text, list[Document]()
        while rest:
            end = _cut(rest, PIECE) if len(rest) > PIECE else len(rest)
            side = tail if int((number + 1) * held_out) > int(number * held_out) else train
            joined = side.pop().text if side is before else ""
            side.append(Document(document.name, joined + rest[:end]))
            rest, before, number = rest[end:], side, number + 1
    if not tail and len(train) and number > 1:  # fewer pieces than it takes for one to be held out
        last = train[-1]
        cut = _cut(last.text, max(0, len(last.text) - PIECE))
        train[-1:] = [Document(last.name, last.text[:cut])] if cut else []
        tail = [Document(last.name, last.text[cut:])]
    return train, tail


def _cut(text: str, wanted: int) -> int:
    """Place of the last cut before `wanted`, else the first after it, that follows a line end, a space, or anything."""
    wanted = min(wanted, len(text) - 1)
    for separator in ("\n", " "):
        before = text.rfind(separator, 0, wanted) + 1
        if before > wanted // 2:
            return before
        after = text.find(separator, wanted) + 1
        if 0 < after < len(text):
            return after
    return wanted
