"""What a model knew before and has lost: bits per byte of a text that has nothing to do with the task."""

import math
from collections.abc import Sequence
from typing import Any

from dataio import embedded_text, split_corpus
from evaluation import Comparison, Estimate, compare_units, score_documents
from gpt2 import GPT2, Tokenizer, recipe
from trainkit import evaluating

BYTES = 40_000
"""Of the old text that is scored: seconds for a small model, a minute for one of 124 million parameters."""


def old_documents() -> tuple[str, ...]:
    """Beginning of what `train` holds out of the text that comes with Python: documents of some 40 kB in all."""
    _, held_out = split_corpus(embedded_text(), recipe("quick").held_out)
    chosen: list[str] = []
    for document in held_out.documents:
        if sum(map(len, chosen)) >= BYTES:
            break
        if document.text.strip():
            chosen.append(document.text[: BYTES // 4])
    return tuple(chosen)


def old_scores(model: GPT2, tokenizer: Tokenizer) -> dict[str, Any]:
    """Nats and bytes of each document of the old text, as JSON holds them."""
    with evaluating(model):
        scores = list(score_documents(model, tokenizer, old_documents()))
    return {"nats": [score.nats for score in scores], "bytes": [score.n_bytes for score in scores]}


def forgotten(before: dict[str, Any], after: dict[str, Any]) -> Comparison:
    """Bits per byte after and before, and their difference, with the intervals of `evaluation`; positive is lost."""
    sizes: Sequence[int] = before["bytes"]
    if sizes != after["bytes"]:
        raise ValueError(
            f"old text: wanted the {len(sizes)} documents that were scored before, got others; score both with one "
            f"version of Python"
        )
    found = compare_units(after["nats"], before["nats"], sizes)
    return Comparison(
        _bits(found.first),
        _bits(found.second),
        _bits(found.difference),
        found.first_higher,
        found.second_higher,
        found.ties,
        found.p_value,
    )


def _bits(nats: Estimate) -> Estimate:
    return nats.map(lambda value: value / math.log(2))
