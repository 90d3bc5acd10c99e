"""Rows side by side in a cache of any kind: all are read in one call, and those that stay close ranks."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from attention import KeyValueCache

from ..requests.waiting import Waiting
from ..rows import Row
from ..session import Session

CHUNK = 32
"""Prompt tokens read in one step while other rows are writing, so that these need not wait for a whole prompt."""


class MovingRows:
    """At most `most` rows, as many in the cache as are written. Whoever leaves gives its place in the cache to a
    newcomer, else to the last row. `open_session(rows)` makes the session, when the first rows come."""

    def __init__(self, open_session: Callable[[int], Session], most: int, length: int) -> None:
        self.open_session, self.most, self.length = open_session, most, length
        self.rows: list[Row] = []
        self.session: Session | None = None

    def let_in(self, waiting: Waiting) -> list[Row]:
        """Finished rows leave, those that wait take the free places, the cache follows. The rows that entered with a
        prompt that need not be read."""
        if not self.somebody_moves(waiting):
            return []
        staying = {place: row for place, row in enumerate(self.rows) if row.finish_reason is None}
        entering, sources = waiting.let_in(self.rows, self.most - len(staying))
        count = len(staying) + len(entering)
        self.rows = [row for place, row in staying.items() if place < count]
        if not count:
            if self.session is not None and not isinstance(self.session.cache, KeyValueCache):
                self.session = None  # who knows whether its rows can be emptied
            return []
        if self.session is None:
            self.session = self.open_session(count)
        there = len(self.session.held)
        late = iter([place for place in staying if place >= count])
        new = iter(zip(entering, sources, strict=True))
        self.rows, chosen, copies = [], [], []
        for place in range(count):
            source: int | None = place if place in staying else next(late, None)
            if source is not None:
                row = staying[source]
            else:
                row, source = next(new)
                if source is not None:
                    row.read, row.pending = len(row.prompt), []
                    copies.append(row)
                elif place < there:
                    source = place  # what is there is not kept
            self.rows.append(row)
            chosen.append(source or 0)
        self.session.select(chosen)
        self.session.cut([row.read for row in self.rows])
        return copies

    def somebody_moves(self, waiting: Waiting) -> bool:
        """Whether somebody comes, has ended, or has forgotten what the cache holds."""
        if waiting.rows or self.session is None or not self.rows:
            return True
        return any(
            row.finish_reason is not None or row.read != held
            for row, held in zip(self.rows, self.session.held, strict=False)
        )

    def read(self) -> tuple[list[Row], Float[Tensor, "B V"], list[int] | None]:
        """One call of the model. The rows that are read to their end, the logits after each, and the likeliest ids."""
        assert self.session is not None
        writing = any(len(row.pending) == 1 and row.ids for row in self.rows)
        longest = max(len(row.pending) for row in self.rows)
        most = min(CHUNK if writing else longest, self.length - max(self.session.held))
        logits = self.session.feed([row.pending[:most] for row in self.rows])
        for row in self.rows:
            row.has_read(most)
        ready = [number for number, row in enumerate(self.rows) if not row.pending]
        if len(ready) == len(self.rows):
            return self.rows[:], logits, self.session.likeliest
        return [self.rows[number] for number in ready], logits[ready], None
