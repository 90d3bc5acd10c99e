"""Which documents of a stream are held out where long files come in pieces: the last pieces of each, or whole files."""

from collections.abc import Callable, Iterable, Iterator

from .corpora import Document
from .splits import SPLIT_BY_DOCUMENT, border, uniform_hash


def files(documents: Iterable[Document]) -> Iterator[tuple[bool, Document]]:
    """Each document, and whether a file begins with it; of a file in pieces the others are named NAME#1, NAME#2, …"""
    name, number = "", 0
    for document in documents:
        begins = document.name != f"{name}#{number + 1}"
        name, number = (document.name, 0) if begins else (name, number + 1)
        yield begins, document


def file_sizes(documents: Iterable[Document]) -> list[tuple[int, int]] | None:
    """Pieces and bytes of each file; None where there are `SPLIT_BY_DOCUMENT` or more, or none in pieces: then whole
    ones are held out. No more is read than it takes to know."""
    sizes = list[tuple[int, int]]()
    for begins, document in files(documents):
        if begins:
            sizes.append((0, 0))
        pieces, n_bytes = sizes[-1]
        sizes[-1] = pieces + 1, n_bytes + len(document.text.encode())
        if len(sizes) == SPLIT_BY_DOCUMENT:
            return None
    return sizes if any(pieces > 1 for pieces, _ in sizes) else None


def sides(
    source: Iterable[Document], held_out: float, sizes: Callable[[], list[tuple[int, int]] | None]
) -> Iterator[tuple[bool, Document]]:
    """Each document, and whether it is held out. sizes: what `file_sizes` says of the source."""
    known = sizes()
    if known is None:
        last = border((document for begins, document in files(source) if begins), held_out)
        held = False
        for begins, document in files(source):
            held = uniform_hash(document.text) <= last if begins else held
            yield held, document
        return
    number, place = -1, 0
    for begins, document in files(source):
        number, place = (number + 1, 0) if begins else (number, place)
        pieces, n_bytes = known[number]
        after = place + len(document.text.encode())
        middle = (place + after) / 2
        yield pieces > 1 and (middle >= (1 - held_out) * n_bytes or after >= n_bytes), document
        place = after
