"""Rows that keep their places in a cache which is allocated once: they come and go without a copy of another row."""

import torch
from jaxtyping import Float
from torch import Tensor

from attention import CachePlaces
from transformer.kernels.whole_step import NewIds

from ..requests.waiting import Waiting
from ..rows import Row
from .exact import ExactSession

CHUNK = 64
"""Prompt tokens in one call. By torch always so many, for a prompt's logits depend on how it is cut there."""
MOST_READ = 4 * CHUNK
"""Prompt tokens read in one turn while more rows are yet to be read than write."""


class FixedPlaces:
    """Rows whose logits are the same to the bit whatever their neighbors are; see `exact`.

    Where the kernels take whole steps, a call of the model reads one id of all rows that write, and beside them up to a
    chunk of prompts, the longest there first, or `MOST_READ` ids while more rows are yet to be read than write.

    Elsewhere a call either reads a chunk of one prompt or one id of all rows that write. Where both wait, they take
    turns; short prompts are read in one turn, for a step in which some rows do not write is lost to them all: as many
    as fit into the numbers above. The call of the rows that write goes over all places from the first such row to the
    last; what is between them is computed for nothing, and newcomers take the lowest free place.
    """

    def __init__(self, session: ExactSession) -> None:
        self.session = session
        self.cache = CachePlaces(session.cache)
        self.seats: list[Row | None] = [None] * len(self.cache)
        """Who has which place; a row that ended keeps it while others wait for its prompt, until someone takes it."""
        self.readers: list[Row] = []
        """In the order in which they came."""
        self.read_in_turn = 0
        """Prompt tokens read since rows wrote last."""

    @property
    def rows(self) -> list[Row]:
        return [row for row in self.seats if row is not None]

    def let_in(self, waiting: Waiting) -> list[Row]:
        """Finished rows leave, those that wait take the free places. The rows that entered with a prompt that need not
        be read."""
        for place, row in enumerate(self.seats):
            if row is not None and row.finish_reason is not None:
                self._let_out(place, row, waiting)
            elif row is not None and row.read < self.cache.held[place]:  # it has forgotten, and reads itself again
                self.cache.cut(place, row.read)
                self.readers.append(row)
        free = [place for place, row in enumerate(self.seats) if row is None or row.finish_reason is not None]
        entering, sources = waiting.let_in(self.seats, len(free))
        # Who copies the prompt of a row that has ended takes its place, and need not copy; others must do so before.
        copies, others = [], []
        for row, source in zip(entering, sources, strict=True):
            if source in free:
                self._seat(row, source, len(row.prompt))
                free.remove(source)
                copies.append(row)
            else:
                others.append((row, source))
        for row, source in others:
            place = free.pop(0)
            if source is not None:
                self.cache.copy(source, place, len(row.prompt))
                copies.append(row)
            self._seat(row, place, 0 if source is None else len(row.prompt))
        return copies

    def read(self) -> tuple[list[Row], Float[Tensor, "B V"], list[int] | None]:
        """One call of the model. The rows that are read to their end, the logits after each, and the likeliest ids."""
        self.readers = [row for row in self.readers if row.finish_reason is None and len(row.pending) > 1]
        running = [place for place, row in enumerate(self.seats) if row is not None and row.finish_reason is None]
        writers = [place for place in running if len(self._row(place).pending) == 1]
        if (found := self._read_together(writers)) is not None:
            return found
        if self.readers and (not writers or self._has_turn(self.readers[0], len(writers))):
            self.read_in_turn += min(len(self.readers[0].pending), CHUNK)
            return *self._read_chunk(self.readers[0]), None
        self.read_in_turn = 0
        return self._write(writers)

    def _read_together(self, writers: list[int]) -> tuple[list[Row], Float[Tensor, "B V"], list[int] | None] | None:
        """Ids of rows that write and of prompts in one call; None where this is not possible."""
        left, several = MOST_READ if len(self.readers) > len(writers) else CHUNK, []
        counts = {place: 1 for place in writers}
        for row in self.readers:
            if count := min(len(row.pending), left):
                counts[self.seats.index(row)] = count
                left -= count
        for place, count in counts.items():
            row = self._row(place)
            watched = row.watch is not None and not row.ids
            several.append(NewIds(place, self.cache.held[place], row.pending[:count], watched))
        if (found := self.session.feed_together(several, self.cache.cache)) is None:
            return None
        logits, likeliest = found
        end, ready = 0, []
        for one in several:
            row, count, first = self._row(one.row), len(one.ids), end
            end += count if one.every else 1
            self.cache.took(one.row, [count])
            row.has_read(count)
            if one.every:
                self._watch(row, logits[first:end])
            if not row.pending and row.finish_reason is None:
                ready.append((row, end - 1))
        last = [place for _, place in ready]
        chosen = logits if len(last) == len(logits) else logits[last]
        return [row for row, _ in ready], chosen, [likeliest[place] for place in last]

    def _has_turn(self, reader: Row, writers: int) -> bool:
        """Whether the readers' turn is not over: their first chunk always, others while they fit beside it."""
        most = MOST_READ if len(self.readers) > writers else CHUNK
        return not self.read_in_turn or self.read_in_turn + len(reader.pending) <= most

    def _read_chunk(self, row: Row) -> tuple[list[Row], Float[Tensor, "B V"]]:
        place, ids = self.seats.index(row), row.pending[:CHUNK]
        part = self.cache.part(place, 1)
        try:
            logits = self.session.feed_part(part, [ids], seen=None, last=row.watch is None)
            if row.watch is not None:
                row.watch(logits[0])
                logits = logits[:, -1]
        except Exception as error:
            row.fail(error)
            return [], torch.empty(0, 0)
        self.cache.took(place, [len(ids)])
        row.has_read(len(ids))
        ready = [] if row.pending or row.finish_reason is not None else [row]
        return ready, logits[: len(ready)]

    def _write(self, writers: list[int]) -> tuple[list[Row], Float[Tensor, "B V"], list[int] | None]:
        first, count = writers[0], writers[-1] + 1 - writers[0]
        places = range(first, first + count)
        tokens = [self._row(place).pending if place in writers else [0] for place in places]
        seen = [self.cache.held[place] + 1 if place in writers else 0 for place in places]
        watched = [place for place in writers if self._row(place).watch is not None and not self._row(place).ids]
        logits = self.session.feed_part(self.cache.part(first, count), tokens, seen=seen, last=True)
        self.cache.took(first, [int(place in writers) for place in places])
        for place in writers:
            self._row(place).has_read(1)
        for place in watched:  # the last id of a prompt that had one left
            self._watch(self._row(place), logits[place - first : place - first + 1])
        ready = [place for place in writers if self._row(place).finish_reason is None]
        rows = [self._row(place) for place in ready]
        likeliest, chosen = self.session.likeliest, [place - first for place in ready]
        known = None if likeliest is None else [likeliest[place] for place in chosen]
        return rows, logits if len(ready) == count else logits[chosen], known

    def _watch(self, row: Row, logits: Tensor) -> None:
        assert row.watch is not None
        try:
            row.watch(logits)
        except Exception as error:
            row.fail(error)

    def _row(self, place: int) -> Row:
        row = self.seats[place]
        assert row is not None
        return row

    def _seat(self, row: Row, place: int, held: int) -> None:
        """Give a place to a row of which the cache holds so many ids there."""
        self.seats[place] = row
        self.cache.cut(place, held)
        if held:
            row.read, row.pending = held, []
        else:
            self.readers.append(row)

    def _let_out(self, place: int, row: Row, waiting: Waiting) -> None:
        prompt = len(row.prompt)
        if waiting.wants(row.prompt) and row.lends_its_prompt and prompt < self.cache.cache.length:
            self.cache.cut(place, prompt)
        else:
            self.seats[place] = None
            self.cache.cut(place, 0)
