"""How full each row of a cache is, and what follows from it: where the next tokens go, and whom they may see."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ..masks.algebra import Mask
from ..masks.text import Causal, causal


class RowLengths:
    """`lengths` ([B], int64) counts the real tokens of each row; `shortest` and `longest` are its extremes, known
    without waiting for a device. A row has room for `length` tokens."""

    def __init__(self, batch: int, length: int, *, device: torch.device | str = "cpu") -> None:
        self.length = length
        self.lengths = torch.zeros(batch, dtype=torch.int64, device=device)
        self.shortest = self.longest = 0
        self._positions: Tensor | None = None
        self._visible: Tensor | None = None

    @property
    def n_rows(self) -> int:
        return len(self.lengths)

    def positions(self, queries: int) -> Int[Tensor, "B T"]:
        """The places in their rows of the next `queries` tokens: lengths[r] + t."""
        if self._positions is None or self._positions.shape[1] != queries:  # made once for all layers of a call
            with torch.inference_mode(False):
                self._positions = self.lengths[:, None] + torch.arange(queries, device=self.lengths.device)
        return self._positions

    def key_positions(self, queries: int) -> Int[Tensor, "_ S"]:
        """The places of the keys that the next `queries` tokens are held against, [1, S] where all rows are alike."""
        return torch.arange(self.longest + queries, device=self.lengths.device)[None]

    def mask(self, queries: int, rule: Mask | Tensor | None = None) -> Mask | Tensor | None:
        """Who sees whom among the next `queries` tokens and the slots up to them, in the cheapest form that `attend`
        takes: the causal rule for an empty cache, None where nothing is hidden, else a bool tensor. `rule` hides more;
        it is asked with places in the row."""
        if rule is None or isinstance(rule, Causal):
            if self.longest == 0:
                return causal()
            return None if queries == 1 and self.shortest == self.longest else self._causal(queries)
        if isinstance(rule, Mask):
            rule = rule.dense(self.n_rows, self.positions(queries), self.longest + queries, self.lengths.device)
        return rule & self._causal(queries)

    @torch.inference_mode(False)
    def _causal(self, queries: int) -> Bool[Tensor, "_ 1 T S"]:
        if self._visible is None or self._visible.shape[-2] != queries:
            rows = 1 if self.shortest == self.longest else self.n_rows
            positions = self.positions(queries)[:rows]
            self._visible = causal().dense(rows, positions, self.longest + queries, positions.device)
        return self._visible

    def advance(self, queries: int, lengths: Int[Tensor, " B"] | None = None) -> None:
        """Count the `queries` tokens just written, of which `lengths[r]` are real in row r (None: all). Once per model
        call, after all layers. ValueError when a length is outside 0 ... queries, or the tokens do not fit."""
        self.check_room(queries)
        if lengths is None:
            self._set(self.lengths + queries, self.shortest + queries, self.longest + queries)
            return
        real = self._one_per_row(lengths)
        if not bool(((real >= 0) & (real <= queries)).all()):
            raise ValueError(
                f"wanted lengths from 0 to the {queries} tokens of the call; got {real.tolist()}; "
                "pass how many tokens of each row are real"
            )
        self._set(self.lengths + real, *extremes(self.lengths + real))

    def cut(self, lengths: Int[Tensor, " B"] | int) -> None:
        """Forget all but the first `lengths[r]` tokens of each row. ValueError for more than a row holds."""
        kept = torch.full_like(self.lengths, lengths) if isinstance(lengths, int) else self._one_per_row(lengths)
        if not bool(((kept >= 0) & (kept <= self.lengths)).all()):
            raise ValueError(
                f"wanted lengths from 0 to what each row holds, {self.lengths.tolist()}; got {kept.tolist()}; "
                "a cache is only cut shorter"
            )
        self._set(kept.clone(), *extremes(kept))

    def reset(self) -> None:
        """Forget everything; the memory stays."""
        self._set(torch.zeros_like(self.lengths), 0, 0)

    def select(self, rows: Int[Tensor, " R"]) -> None:
        """Go on with these rows, in this order: repeated, reordered or left out."""
        self.check_rows(rows)
        self._set(self.lengths[rows], *extremes(self.lengths[rows]))

    def check_rows(self, rows: Tensor) -> None:
        """ValueError when `rows` is empty or names a row that is not there."""
        if rows.ndim != 1 or not len(rows) or not bool(((rows >= 0) & (rows < self.n_rows)).all()):
            raise ValueError(
                f"wanted one or more row numbers from 0 to {self.n_rows - 1}; got {rows.tolist()}; "
                "name the rows to go on with"
            )

    def check_room(self, queries: int) -> None:
        """ValueError when `queries` more tokens, padding included, would not fit behind the longest row."""
        if self.longest + queries > self.length:
            raise ValueError(
                f"wanted at most {self.length - self.longest} more tokens; got {queries}; the cache has {self.length} "
                f"slots and its longest row holds {self.longest}: make a longer cache, or cut or reset this one"
            )

    def _one_per_row(self, lengths: Tensor) -> Tensor:
        if lengths.shape != (self.n_rows,):
            raise ValueError(
                f"wanted {self.n_rows} lengths, one a row; got shape {list(lengths.shape)}; "
                "pass the lengths of this batch"
            )
        return lengths.to(self.lengths)

    def _set(self, lengths: Tensor, shortest: int, longest: int) -> None:
        self.lengths, self.shortest, self.longest = lengths, shortest, longest
        self._positions = self._visible = None


def extremes(lengths: Tensor) -> tuple[int, int]:
    """Smallest and largest, fetched from the device in one go."""
    shortest, longest = torch.stack(torch.aminmax(lengths)).tolist()
    return shortest, longest
