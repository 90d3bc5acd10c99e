"""Ids for rows that must not notice each other, neither in the last bit nor when one of them fails."""

from collections.abc import Sequence
from contextlib import suppress

import torch
from jaxtyping import Float
from torch import Tensor

from ..rows import Row
from ..settings.vocabulary import Vocabulary
from ..step import choose, only_compares

LONG = 1 << 15
"""Numbers in a row from which torch shares out the sum of a single one among its threads."""


def choose_exactly(
    logits: Float[Tensor, "B V"], rows: Sequence[Row], vocabulary: Vocabulary, likeliest: Sequence[int] | None = None
) -> list[Row]:
    """`step.choose`, for one row after the other where a row that is alone would be summed up in another way; the rows
    that got an id. A row of which something raises, such as a constraint, ends with that as its `failure`."""
    before = [len(row.ids) for row in rows]
    always = logits.shape[-1] < LONG or torch.get_num_threads() == 1
    together = [number for number, row in enumerate(rows) if always or only_compares(row.settings, vocabulary)]
    if together:
        own = logits if len(together) == len(rows) else logits[together]
        known = None if likeliest is None else [likeliest[number] for number in together]
        with suppress(Exception):  # raised again below, for the row that it concerns
            choose(own, [rows[number] for number in together], vocabulary, known)
    for number, (row, count) in enumerate(zip(rows, before, strict=True)):
        if len(row.ids) == count:
            try:
                choose(logits[number : number + 1], [row], vocabulary)
            except Exception as error:
                row.fail(error)
    return [row for row, count in zip(rows, before, strict=True) if len(row.ids) > count]
