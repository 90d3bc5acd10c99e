"""Texts on which tiktoken gives up: half surrogates, and runs of white space that a pattern looks back over.

GPT-2's pattern has `\\s+(?!\\S)`: all white space but the last before something visible. An engine keeps a place to go
back to for each character of the run, and tiktoken's ends at a million of them. What the pattern makes of a run is
known without an engine, so that long ones are cut out before it.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Encoded = TypeVar("Encoded")

LONG = 100_000
"""Characters of white space from which on a run is cut out."""
_WHITE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_RUN = re.compile(f"[{_WHITE}]{{{LONG},}}")


def has_long_run(text: str) -> bool:
    """Whether there is a run of at least `LONG` characters of what the pattern calls white space."""
    return len(text) >= LONG and _RUN.search(text) is not None


def pieces(text: str, names: Iterable[str] = ()) -> Iterator[tuple[str, bool]]:
    """The parts of a text, and of each whether it is one piece of GPT-2's pattern; the others are short of long runs.

    names: of the tokens that are looked for before the pattern; a run before one of them is one before the end.
    """
    places = "|".join(map(re.escape, names))
    for number, part in enumerate(re.split(f"({places})", text) if places else [text]):
        start = 0
        while number % 2 == 0 and (run := _RUN.search(part, start)):
            begin, end = run.start(), run.end() - (run.end() < len(part))
            yield part[start:begin], False  # it ends in something visible, and so depends on nothing that follows
            yield part[begin:end], True
            start = end
        yield part[start:], False


def cut_runs(texts: Iterable[str]) -> Iterator[str]:
    """Texts to learn merges from, with long runs as texts of at most `LONG` characters of their own."""
    for text in texts:
        if not has_long_run(text):
            yield text
            continue
        for part, is_run in pieces(text):
            yield from (part[i : i + LONG] for i in range(0, len(part), LONG)) if is_run else (part,)


def guarded(pattern: str, work: Callable[[], Encoded]) -> Encoded:
    """`work()`; ValueError where tiktoken panics: a pattern of one's own that looks back too far on this text."""
    try:
        return work()
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError(
            f"text: wanted one that the pattern {pattern!r} can cut, got one on which it gives up ({error}); "
            f"cut the text, or choose a pattern that does not look ahead over so much"
        ) from None


def without_surrogates(text: str) -> str:
    """Half a surrogate pair as U+FFFD; other texts as they are."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
