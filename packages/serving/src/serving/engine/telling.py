"""Rows as events: what is new of one, or all of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from decoding import Generated, GenerationSettings, Row, best_of, minimum_bayes_risk
from decoding.settings.stop_strings import StopStrings
from tensors import generator

from ..jobs import Job, Piece, Why
from .texts import RowText


@dataclass
class Told:
    """One row of the batch and how much of it went out."""

    row: Row
    number: int
    text: RowText
    ids: int = 0
    ended: bool = False
    last: float | None = None


def new_piece(told: Told, why: Why | None) -> Piece:
    """What is new of a row since `told.ids`."""
    row, new = told.row, slice(told.ids, None)
    scores, likeliest = tuple(row.log_probabilities[new]), tuple(row.likeliest[new])
    return Piece(told.number, tuple(row.ids[new]), told.text.new(), scores, likeliest, why)


def whole_piece(number: int, result: Generated, settings: GenerationSettings, tokenizer: Any, why: Why | None) -> Piece:
    """All of a row at once."""
    row = Row((), settings, generator(0), ids=list(result.ids), finish_reason=result.finish_reason)
    if result.finish_reason == "stop":
        row.stops = StopStrings(settings.stop, tokenizer.decode_bytes)
        any(row.stops.came(token) for token in result.ids)  # up to the first
    text = RowText(tokenizer, row).new()
    return Piece(number, result.ids, text, result.log_probabilities, result.likeliest, why, result.score)


def best_first(drawn: Sequence[Generated], job: Job) -> list[Generated]:
    """The `samples` best of what was drawn for a prompt, each with its mean log-probability as its score."""
    rest = [one for one in drawn if one.log_probabilities] or list(drawn)
    best: list[Generated] = []
    while rest and len(best) < job.samples:
        found = minimum_bayes_risk(rest) if job.choose == "consensus" else best_of(rest)
        rest = [one for one in rest if one is not found]
        mean = sum(found.log_probabilities) / max(1, len(found.log_probabilities))
        found = replace(found, score=mean)
        if job.settings.log_probabilities is None:
            found = replace(found, log_probabilities=(), likeliest=())
        best.append(found)
    return best
