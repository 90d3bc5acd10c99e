"""The rows that wait for a place in the batch, and the prompts that need not be read once more for them."""

from collections import Counter
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ..rows import Row


class Waiting:
    """A queue of rows. One whose prompt another row has read, or is about to read, enters as a copy of that row: the
    cache's row is copied, and the logits after the prompt are remembered here as long as rows wait that want them."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.prompts: Counter[tuple[int, ...]] = Counter()
        """How many rows wait with this prompt."""
        self.after: dict[tuple[int, ...], Float[Tensor, " V"]] = {}
        """The logits after prompts of waiting rows that were read."""

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def append(self, row: Row) -> None:
        """Put a row at the end."""
        self.rows.append(row)
        if row.watch is None:
            self.prompts[row.prompt] += 1

    def wants(self, prompt: tuple[int, ...]) -> bool:
        """Whether a row waits that would go on from this prompt, and what comes after it is known."""
        return self.prompts[prompt] > 0 and prompt in self.after

    def let_in(self, there: Sequence[Row | None], free: int) -> tuple[list[Row], list[int | None]]:
        """At most `free` rows to enter, the first first, and for each the place in the cache of which it is a copy
        (None: it reads its prompt itself). `there` are the rows that the cache holds, ended ones included, by place."""
        if not self.rows:
            return [], []
        known = [(place, row) for place, row in enumerate(there) if row is not None and row.watch is None]
        held = {row.prompt: place for place, row in known if row.holds_its_prompt}
        read_now = {row.prompt for _, row in known if row.finish_reason is None and not row.ids}
        entering: list[Row] = []
        sources: list[int | None] = []
        staying = []
        for row in self.rows:
            if row.finish_reason is None:
                full, shares = len(entering) == free, row.watch is None
                source = held.get(row.prompt) if not full and shares and row.prompt in self.after else None
                if full or (shares and source is None and row.prompt in read_now):
                    staying.append(row)
                    continue
                entering.append(row)
                sources.append(source)
                if shares:
                    read_now.add(row.prompt)
            if row.watch is None:
                self.prompts[row.prompt] -= 1
        self.rows = staying
        return entering, sources

    def note(self, rows: Sequence[Row], logits: Float[Tensor, "B V"]) -> None:
        """Remember the logits after prompts that were read just now, if rows wait that want them."""
        new = {row.prompt: one for row, one in zip(rows, logits, strict=True) if not row.ids and row.watch is None}
        if new:
            self.prompts = +self.prompts
            self.after = {prompt: one for prompt, one in {**self.after, **new}.items() if prompt in self.prompts}

    def logits_for(self, rows: Sequence[Row]) -> Float[Tensor, "B V"]:
        """What was noted for these rows, which enter as copies."""
        return torch.stack([self.after[row.prompt] for row in rows])
