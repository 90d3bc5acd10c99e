"""The one loop: rows enter, the model reads what is new of each, one id per row comes out, finished rows leave."""

import logging
from collections import deque
from collections.abc import Callable, Sequence

from tensors import PackedWeights, generator

from .choice import check_row_settings, choose, method_of, settings_of_each
from .protocols import LanguageModel
from .rows import Constraint, Generated, Row
from .session import Session, check_ids, check_model, check_prompt
from .settings.values import GenerationSettings
from .stop_strings import DecodeBytes, StopStrings

CHUNK = 32
"""Prompt tokens read in one step while other rows are writing, so that these need not wait for a whole prompt."""

logger = logging.getLogger(__name__)


class Batch:
    """Rows that are written at the same time, at most `max_rows`; the others wait until a place is free.

    Rows can be added while others are under way (continuous batching, as in Yu et al. 2022, "Orca", OSDI), and may
    differ in their settings. A step reads what is pending of every row: a newcomer's prompt, one id of the others.
    `length` bounds prompt and new ids of a row, and so the cache, which is allocated once (default: the model's n_ctx).
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        max_rows: int = 8,
        end_of_text: int | None = None,
        decode_bytes: DecodeBytes | None = None,
        length: int | None = None,
        pack: bool | PackedWeights = True,
    ) -> None:
        check_model(model)
        if max_rows < 1:
            raise ValueError(f"wanted max_rows of 1 or more, got {max_rows}; 8 is usual on a CPU")
        if end_of_text is not None:
            check_ids([end_of_text], "end_of_text", model.n_vocab)
        self.model, self.max_rows, self.end_of_text, self.decode_bytes = model, max_rows, end_of_text, decode_bytes
        self.length, self.pack = min(length or model.n_ctx, model.n_ctx), pack
        self.waiting: deque[Row] = deque()
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
        check_prompt(prompt, f"prompt {self.added + 1}", self.model)
        check_row_settings(settings, self.model, self.decode_bytes)
        stops = StopStrings(settings.stop, self.decode_bytes) if settings.stop and self.decode_bytes else None
        row = Row(tuple(prompt), settings, generator(settings.seed, self.added), constraint, stops)
        self.added += 1
        self.waiting.append(row)
        return row

    def step(self) -> list[Row]:
        """One call of the model; the rows that got an id in it. Empty when every row has ended."""
        while True:
            self._let_rows_out_and_in()
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
                choose(logits if len(ready) == len(self.rows) else logits[ready], rows, self.end_of_text)
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

    def _let_rows_out_and_in(self) -> None:
        """Finished rows leave, those that wait take the free places, the cache follows."""
        for row in [*self.rows, *self.waiting]:
            self._check_room(row)
        waiting = deque(row for row in self.waiting if row.finish_reason is None)
        places = [place for place, row in enumerate(self.rows) if row.finish_reason is None]
        staying = [self.rows[place] for place in places]
        entering = [waiting.popleft() for _ in range(min(len(waiting), self.max_rows - len(staying)))]
        self.waiting, self.rows = waiting, [*staying, *entering]
        if not self.rows:
            self.session = None
        elif self.session is None:
            self.session = Session(self.model, len(self.rows), self.length, pack=self.pack)
        else:  # a newcomer takes over the place of a row that left, and of what was there nothing is kept
            free = [place for place in range(len(self.session.held)) if place not in places]
            spare = [*free, *[0] * len(entering)][: len(entering)]
            self.session.select([*places, *spare])
            self.session.cut([row.read for row in self.rows])

    def _check_room(self, row: Row) -> None:
        if row.finish_reason is not None or row.read + len(row.pending) < self.length:
            return
        if row.settings.when_full == "stop":
            row.finish_reason = "length"
            return
        if not self.has_forgotten:
            logger.warning("the context of %d tokens is full: the oldest half is forgotten", self.length)
            self.has_forgotten = True
        row.pending = [*row.prompt, *row.ids][-max(1, self.length // 2) :]
        row.read = 0


def generate_ids(
    model: LanguageModel,
    ids: Sequence[Sequence[int]],
    settings: GenerationSettings | Sequence[GenerationSettings] | None = None,
    *,
    end_of_text: int | None = None,
    decode_bytes: DecodeBytes | None = None,
    constraints: Sequence[Constraint | None] | None = None,
    max_rows: int | None = None,
    cancelled: Callable[[], bool] | None = None,
    pack: bool | PackedWeights = True,
    first_row: int = 0,
) -> list[Generated]:
    """Continue every prompt in `ids`, at most `max_rows` at a time (default: all), none of which influences another.

    Prompts may differ in length (1 to n_ctx ids; one of exactly n_ctx has no room and ends with "length" at once), and
    each may have settings of its own. `end_of_text` is the id that ends a row, None if there is none; `decode_bytes`
    is needed for stop strings; `constraints[i]` says which ids may follow the new ids of row i. Row i draws from
    `tensors.generator(seed, first_row + i)`: prompts written in two calls draw as in one. `cancelled()` is asked before
    every step of the plain loop. Raises ValueError for an empty or too long prompt and for ids outside the vocabulary,
    TypeError for a model that lacks a member of `LanguageModel`.
    """
    each = settings_of_each(settings, len(ids))
    if any(method_of(one) != "loop" for one in each):
        from .methods.dispatch import generate_by_method

        return generate_by_method(model, ids, each, end_of_text, decode_bytes, constraints, pack, first_row)
    check_model(model)
    longest = max((len(prompt) + one.max_new_tokens for prompt, one in zip(ids, each, strict=True)), default=1)
    forgets = any(one.when_full != "stop" for one in each)
    batch = Batch(
        model,
        max_rows=max_rows or max(1, len(ids)),
        end_of_text=end_of_text,
        decode_bytes=decode_bytes,
        length=model.n_ctx if forgets else longest,
        pack=pack,
    )
    batch.added = first_row
    rows = [
        batch.add(prompt, one, None if constraints is None else constraints[number])
        for number, (prompt, one) in enumerate(zip(ids, each, strict=True))
    ]
    batch.run(cancelled)
    return [row.result for row in rows]
