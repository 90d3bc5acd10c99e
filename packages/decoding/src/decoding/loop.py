"""The one loop: rows enter, the model reads what is new of each, one id per row comes out, finished rows leave."""

import logging
from collections.abc import Callable, Sequence

from tensors import PackedWeights, generator

from .protocols import LanguageModel
from .requests.checks import check_request, ids_of, room_of
from .requests.methods import check_method
from .requests.waiting import Waiting
from .rows import Constraint, Row
from .session import Session
from .settings.stop_strings import DecodeBytes, StopStrings
from .settings.values import GenerationSettings
from .settings.vocabulary import EndOfText
from .step import choose

CHUNK = 32
"""Prompt tokens read in one step while other rows are writing, so that these need not wait for a whole prompt."""

logger = logging.getLogger(__name__)


class Batch:
    """Rows that are written at the same time, at most `max_rows`; the others wait until a place is free.

    A step of the loop is five things:

    1) Rows that have ended leave, and the cache forgets them.
    2) Rows that wait take the free places (continuous batching, as in Yu et al. 2022, "Orca", OSDI). One whose prompt
       stands in the cache already, because another row has read it, gets a copy of that row of the cache.
    3) The model reads what is pending of every row: the prompt of a newcomer, one id of the others.
    4) Every row that has been read to its end gets one id, chosen as its own settings say (`step.choose`).
    5) That id is pending now, or it has ended the row.

    `length` bounds prompt and new ids of a row, and so the cache, which is allocated once (default: the model's n_ctx).
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        max_rows: int = 8,
        end_of_text: EndOfText = None,
        decode_bytes: DecodeBytes | None = None,
        length: int | None = None,
        pack: bool | PackedWeights = True,
    ) -> None:
        self.vocabulary = check_request(model, [], GenerationSettings(), end_of_text, decode_bytes)
        if max_rows < 1:
            raise ValueError(f"wanted max_rows of 1 or more, got {max_rows}; 8 is usual on a CPU")
        self.model, self.max_rows, self.decode_bytes = model, max_rows, decode_bytes
        self.length, self.pack = min(length or model.n_ctx, model.n_ctx), pack
        self.waiting = Waiting()
        self.rows: list[Row] = []
        self.session: Session | None = None
        self.added = 0
        self.has_forgotten = False

    def add(
        self, prompt: Sequence[int], settings: GenerationSettings | None = None, constraint: Constraint | None = None
    ) -> Row:
        """A new row, number `added` of this batch, which draws from `tensors.generator(seed, number)`. ValueError for a
        prompt that the model cannot take, and for settings of another method or about other ids."""
        settings = settings or GenerationSettings()
        check_method(settings, ("loop",), "a Batch")
        prompt = ids_of(prompt)
        check_request(self.model, [prompt], settings, self.vocabulary, self.decode_bytes, first_row=self.added)
        stops = StopStrings(settings.stop, self.decode_bytes) if settings.stop and self.decode_bytes else None
        row = Row(tuple(prompt), settings, generator(settings.seed, self.added), constraint, stops)
        self.added += 1
        self.waiting.append(row)
        return row

    def step(self) -> list[Row]:
        """At most one call of the model; the rows that got an id. Empty when every row has ended."""
        while True:
            if copies := self._let_rows_out_and_in():
                choose(self.waiting.logits_for(copies), copies, self.vocabulary)
                return copies
            if self.session is None:
                return []
            most = min(self._most_at_once(), self.length - max(self.session.held))
            logits = self.session.feed([row.pending[:most] for row in self.rows])
            for row in self.rows:
                row.read += len(row.pending[:most])
                del row.pending[:most]
            ready = [number for number, row in enumerate(self.rows) if not row.pending]
            if ready:
                rows = [self.rows[number] for number in ready]
                logits = logits if len(ready) == len(self.rows) else logits[ready]
                self.waiting.note(rows, logits)
                choose(logits, rows, self.vocabulary)
                return rows

    def run(self, cancelled: Callable[[], bool] | None = None) -> None:
        """Step until every row has ended, or `cancelled()` says so."""
        while not (cancelled is not None and cancelled()):
            if not self.step():
                return
        for row in [*self.rows, *self.waiting]:
            row.cancel()

    def _most_at_once(self) -> int:
        writing = any(len(row.pending) == 1 and row.ids for row in self.rows)
        return CHUNK if writing else max(len(row.pending) for row in self.rows)

    def _let_rows_out_and_in(self) -> list[Row]:
        """Finished rows leave, those that wait take the free places, the cache follows. The rows that entered with a
        prompt that need not be read."""
        for row in [*self.rows, *self.waiting]:
            self._check_room(row)
        places = [place for place, row in enumerate(self.rows) if row.finish_reason is None]
        staying = [self.rows[place] for place in places]
        entering, sources = self.waiting.let_in(self.rows, self.max_rows - len(staying))
        copies = [row for row, source in zip(entering, sources, strict=True) if source is not None]
        for row in copies:
            row.read, row.pending = len(row.prompt), []
        # A newcomer takes over the place of a row that left; of what was there, more than a shared prompt is not kept.
        free = [place for place in range(len(self.rows)) if place not in places]
        spare = iter([*free, *[0] * len(entering)])
        self.rows = [*staying, *entering]
        if not self.rows:
            self.session = None
        elif self.session is None:
            self.session = Session(self.model, len(self.rows), self.length, pack=self.pack)
        else:
            self.session.select([*places, *(next(spare) if source is None else source for source in sources)])
            self.session.cut([row.read for row in self.rows])
        return copies

    def _check_room(self, row: Row) -> None:
        if row.finish_reason is not None or row.read + len(row.pending) < min(
            self.length, room_of(self.model, row.prompt)
        ):
            return
        if row.settings.when_full == "stop":
            row.finish_reason = "length"
            return
        if not self.has_forgotten:
            logger.warning("the context of %d tokens is full: the oldest half is forgotten", self.length)
            self.has_forgotten = True
        row.pending = [*row.prompt, *row.ids][-max(1, self.length // 2) :]
        row.read = 0
