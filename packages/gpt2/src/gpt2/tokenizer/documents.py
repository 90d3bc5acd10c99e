"""Many documents to one array of ids: over all cores, and never more than a few megabytes of them at a time in hand."""

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from .pattern import END_OF_TEXT, PATTERN

if TYPE_CHECKING:
    from .tokenizer import Tokenizer

GROUP = 500_000
"""Characters encoded in one call: far more than a call costs, far less than the text."""


def encode_documents(tokenizer: "Tokenizer", texts: Iterable[str], threads: int | None = None) -> np.ndarray:
    """Ids of all texts in one array, with the end-of-text token before each and after the last.

    uint16 where the vocabulary fits, else uint32. threads: default one a core; the result is the same for any number.
    """
    kind = np.uint16 if tokenizer.n_vocab <= 2**16 else np.uint32
    threads = threads or os.cpu_count() or 1
    own = threading.local()
    cuttable = tokenizer.pattern == PATTERN and not any("\n" in name for name in tokenizer.always)

    def encoded(text: str, framed: bool) -> np.ndarray:
        # A pattern matches a third faster in the thread that used it first, so each thread makes its own.
        if not hasattr(own, "tokenizer"):
            own.tokenizer = type(tokenizer)(tokenizer.ranks, **tokenizer.facts)
        ids: np.ndarray = own.tokenizer.encode_array(text, allowed_special=(END_OF_TEXT,) if framed else ())
        return ids.astype(kind)

    waiting: deque[Future[np.ndarray]] = deque()
    done: list[np.ndarray] = []
    with ThreadPoolExecutor(threads) as pool:
        for text, framed in _groups(texts, cuttable=cuttable):
            waiting.append(pool.submit(encoded, text, framed))
            if len(waiting) > 2 * threads:
                done.append(waiting.popleft().result())
        done += [future.result() for future in waiting]
    return np.concatenate([*done, np.array([tokenizer.end_of_text], dtype=kind)])


def _groups(texts: Iterable[str], cuttable: bool) -> Iterator[tuple[str, bool]]:
    """Texts with the name of the end-of-text token before each, joined or cut to about `GROUP` characters.

    The second value says whether that name is the token; in a document that spells it out, it is text. Where a pattern
    may join pieces across lines (not `cuttable`), documents stay whole.
    """
    held: list[str] = []
    size = 0
    for text in texts:
        spelled = END_OF_TEXT in text
        if spelled and held:
            yield "".join(held), True
            held, size = [], 0
        if spelled:
            yield END_OF_TEXT, True
        held.append("" if spelled else END_OF_TEXT)
        for part in cut(text, GROUP) if cuttable else (text,):
            held.append(part)
            size += len(part)
            if spelled or size >= GROUP:
                yield "".join(held), not spelled
                held, size = [], 0
    if held:
        yield "".join(held), True


def cut(text: str, size: int) -> Iterator[str]:
    """Parts of a text of at least `size` characters, whose ids put together are those of the whole.

    A part ends before a line feed that follows something visible: for GPT-2's pattern white space begins a piece of its
    own there, and nothing before it looks ahead.
    """
    start = 0
    while len(text) - start > size:
        end = text.find("\n", start + size)
        while end > 0 and text[end - 1].isspace():
            end = text.find("\n", end + 1)
        if end < 0:
            break
        yield text[start:end]
        start = end
    yield text[start:]
