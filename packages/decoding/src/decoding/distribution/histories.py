"""What a batch of rows has written so far, as tensors that penalties can count in."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

NOTHING = -1
"""Stands where a row has no token: histories are aligned on the right."""


@dataclass(frozen=True)
class Histories:
    """Prompt and new ids of each row, [B, N], NOTHING on the left of shorter rows; `n_new` of them, [B], are new."""

    ids: Int[Tensor, "B N"]
    n_new: Int[Tensor, " B"]

    @property
    def new(self) -> Int[Tensor, "B M"]:
        """The generated ids alone, NOTHING elsewhere; as wide as the longest continuation."""
        width = int(self.n_new.max()) if len(self.n_new) else 0
        if width == 0:
            return self.ids[:, :0]
        newest = self.ids[:, -width:]
        place = torch.arange(width, 0, -1, device=newest.device)
        return newest.masked_fill(place > self.n_new[:, None], NOTHING)


def histories(prompts: Sequence[Sequence[int]], new: Sequence[Sequence[int]], device: torch.device) -> Histories:
    """The histories of rows given as lists."""
    rows = [[*prompt, *ids] for prompt, ids in zip(prompts, new, strict=True)]
    longest = max(map(len, rows), default=0)
    ids = [[NOTHING] * (longest - len(row)) + row for row in rows]
    n_new = torch.tensor([len(row) for row in new], dtype=torch.int64, device=device)
    return Histories(torch.tensor(ids, dtype=torch.int64, device=device).view(len(rows), longest), n_new)


def marked(ids: Int[Tensor, "B N"], n_vocab: int) -> Bool[Tensor, "B V"]:
    """True for each id that stands in the row."""
    found = torch.zeros(len(ids), n_vocab + 1, dtype=torch.bool, device=ids.device)
    return found.scatter_(1, torch.where(ids != NOTHING, ids, n_vocab), True)[:, :n_vocab]
