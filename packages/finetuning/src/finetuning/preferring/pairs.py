"""Pairs of answers to one prompt, the better one named: read from records, each with its place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gpt2 import Tokenizer
from workbench import digest

from ..examples import Example, encoded
from ..running.starting import two_sides
from ..templates import Template

FIELDS = ("prompt", "chosen", "rejected")


@dataclass(frozen=True)
class Pair:
    """Two examples with one prompt, and where they stand."""

    place: str
    chosen: Example
    rejected: Example

    @property
    def prompt(self) -> tuple[int, ...]:
        """The ids before the answers."""
        return self.chosen.ids[: self.chosen.learned.index(True)]


@dataclass(frozen=True)
class Pairs:
    """The pairs of a file that fit the model, and where those stand that do not."""

    fitting: tuple[Pair, ...]
    too_long: tuple[str, ...]


def read_pairs(records: Iterable[tuple[str, Mapping[str, Any]]], tokenizer: Tokenizer, n_ctx: int) -> Pairs:
    """Pairs of {"prompt", "chosen", "rejected"} records, in their order; each answer ends with the end-of-text token.
    Pairs with an answer that is longer than the model can read are left out and named, not cut.

    ValueError, with the place, for a record of another kind, an empty answer, and two that are the same.
    """
    fitting, too_long = [], []
    for place, record in records:
        try:
            pair = Pair(place, *_encoded(tokenizer, record))
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None
        longest = max(len(pair.chosen.ids), len(pair.rejected.ids)) - 1  # after the last token nothing is predicted
        if longest > n_ctx:
            too_long.append(f"{place} ({longest} tokens)")
        else:
            fitting.append(pair)
    if not fitting:
        got = f"none but longer ones: {too_long[0]}" if too_long else "an empty file"
        raise ValueError(f"data: wanted at least one pair of at most {n_ctx} tokens each, got {got}; add some")
    return Pairs(tuple(fitting), tuple(too_long))


def split_pairs(pairs: Pairs, share: float, source: object) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """Those to learn from, and about a `share` to judge by; all pairs of one prompt land on one side."""
    got = f"{len(pairs.fitting)} pairs of one"
    return two_sides(pairs.fitting, lambda pair: pair.prompt, source, "prompts", got=got, share=share)


def pairs_digest(pairs: Sequence[Pair]) -> str:
    """SHA-256 of the pairs' ids and marks."""
    both = [example for pair in pairs for example in (pair.chosen, pair.rejected)]
    return digest([[*example.ids, *map(int, example.learned)] for example in both])


def _encoded(tokenizer: Tokenizer, record: Mapping[str, Any]) -> tuple[Example, Example]:
    if not record.keys() >= {*FIELDS}:
        raise ValueError(
            f'wanted {{"prompt", "chosen", "rejected"}}, got {", ".join(map(str, record)) or "nothing"}; rename the '
            f"fields"
        )
    for name in FIELDS:
        if not isinstance(record[name], str):
            raise ValueError(f"{name}: wanted a text, got {record[name]!r}; put it in quotes")
    for name in FIELDS[1:]:
        if not record[name].strip():
            raise ValueError(f"{name}: wanted at least one word, got {record[name]!r}; leave the pair out")
    if record["chosen"] == record["rejected"]:
        raise ValueError(
            f"wanted two answers that differ, got {record['chosen']!r} as chosen and as rejected; leave the pair out"
        )
    prompt = record["prompt"]
    chosen, rejected = (
        encoded(tokenizer, Template(), {"prompt": prompt, "completion": record[name]}) for name in FIELDS[1:]
    )
    return chosen, rejected
