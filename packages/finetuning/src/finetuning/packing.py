"""Several short examples in one row, each in a world of its own: the best fit first, nothing seen across."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from attention import causal, documents
from dataio import IGNORED

from .examples import Example


def fit(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Which examples share a row of `room` tokens: the longest first, each into the row that it fills best (best-fit
    decreasing; Johnson 1974 shows that it takes at most 11/9 of the fewest rows, and a few). ValueError for a length
    that is larger than `room`, or below 1.
    """
    if wrong := [length for length in lengths if not 1 <= length <= room]:
        raise ValueError(f"lengths: wanted 1..{room}, got {wrong[0]}; leave such examples out")
    rows: list[list[int]] = []
    free: dict[int, list[int]] = {}  # rows by the room that is left in them
    for number in sorted(range(len(lengths)), key=lambda n: (-lengths[n], n)):
        length = lengths[number]
        left = next((size for size in range(length, room + 1) if free.get(size)), None)
        if left is None:
            rows.append([])
            row, left = len(rows) - 1, room
        else:
            row = free[left].pop()
        rows[row].append(number)
        free.setdefault(left - length, []).append(row)
    return rows


def collated(rows: Sequence[Sequence[Example]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rows of examples as tokens, targets, positions and segments, [B, T] each; T is the fullest row's.

    Positions are places in the own example, segments its number in the row. What a row does not fill is segment -1, has
    no targets, and is seen by nobody.
    """
    width = max(sum(len(example.ids) - 1 for example in row) for row in rows)
    tokens, positions = torch.zeros(len(rows), width, dtype=torch.long), torch.zeros(len(rows), width, dtype=torch.long)
    targets, segments = torch.full((len(rows), width), IGNORED), torch.full((len(rows), width), -1)
    for number, row in enumerate(rows):
        begin = 0
        for segment, example in enumerate(row):
            end = begin + len(example.ids) - 1
            ids, learned = torch.tensor(example.ids), torch.tensor(example.learned[1:])
            tokens[number, begin:end] = ids[:-1]
            targets[number, begin:end] = ids[1:].where(learned, IGNORED)
            positions[number, begin:end] = torch.arange(end - begin)
            segments[number, begin:end] = segment
            begin = end
    return tokens, targets, positions, segments


def visible(segments: Int[Tensor, "B T"]) -> Bool[Tensor, "B 1 T T"] | None:
    """Who may look at whom: what came before in the own example. None where each row is one example, for which the
    causal rule alone says the same."""
    if bool((segments <= 0).all()):
        return None
    return (causal() & documents(segments)).dense(len(segments), segments.shape[1], segments.shape[1], segments.device)
