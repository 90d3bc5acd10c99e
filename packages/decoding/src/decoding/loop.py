"""The one loop: rows enter, the model reads what is new of each, one id per row comes out, finished rows leave."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from jaxtyping import Float
from torch import Tensor, dtype

from tensors import PackedWeights, generator

from .places.choosing import choose_exactly
from .places.exact import ExactSession
from .places.fixed import FixedPlaces
from .places.moving import MovingRows
from .protocols import LanguageModel
from .requests.checks import check_request, ids_of, room_of
from .requests.methods import check_method
from .requests.waiting import Waiting
from .rows import Constraint, Row, Watch
from .session import Session
from .settings.stop_strings import DecodeBytes, StopStrings
from .settings.values import GenerationSettings
from .settings.vocabulary import EndOfText
from .step import choose

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

    With `exact` a row gets the same ids to the bit whatever its neighbors are, on one machine with one number of
    threads: rows have fixed places in a cache for `max_rows`, and what one computes for a row does not depend on others
    (`places.exact`). Something wrong with one row (a constraint that raises) then ends that row, with its `failure`,
    and no other. For a server, which has no end, this is the way; a list of prompts is read faster without. The cache
    may then be of another type than the model's (`cache_dtype`).
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
        exact: bool = False,
        cache_dtype: dtype | None = None,
    ) -> None:
        self.vocabulary = check_request(model, [], GenerationSettings(), end_of_text, decode_bytes)
        if max_rows < 1:
            raise ValueError(f"wanted max_rows of 1 or more, got {max_rows}; 8 is usual on a CPU")
        self.model, self.max_rows, self.decode_bytes, self.exact = model, max_rows, decode_bytes, exact
        self.length = min(length or model.n_ctx, model.n_ctx)
        self.waiting = Waiting()
        self.places: MovingRows | FixedPlaces
        if exact:
            session = ExactSession(model, max_rows, self.length, pack=pack, cache_dtype=cache_dtype)
            self.places = FixedPlaces(session)
        else:
            start = partial(Session, model, length=self.length, pack=pack)
            self.places = MovingRows(start, max_rows, self.length)
        self.has_forgotten = False

    @property
    def rows(self) -> list[Row]:
        """Those that have a place."""
        return self.places.rows

    @property
    def is_idle(self) -> bool:
        """Whether every row has ended."""
        return not self.waiting.rows and all(row.finish_reason is not None for row in self.rows)

    def add(
        self,
        prompt: Sequence[int],
        settings: GenerationSettings | None = None,
        constraint: Constraint | None = None,
        *,
        number: int = 0,
        watch: Watch | None = None,
    ) -> Row:
        """A new row, number `number` of its request, which draws from `tensors.generator(seed, number)`. `watch`, with
        `exact`, is given the logits after each id of the prompt, in order, some at a time. ValueError for a
        prompt that the model cannot take, and for settings of another method or about other ids."""
        settings = settings or GenerationSettings()
        check_method(settings, ("loop",), "a Batch")
        if watch is not None and not self.exact:
            raise ValueError("wanted a Batch with exact=True to watch a prompt, got one without; set it")
        prompt = ids_of(prompt)
        check_request(self.model, [prompt], settings, self.vocabulary, self.decode_bytes, first_row=number)
        stops = StopStrings(settings.stop, self.decode_bytes) if settings.stop and self.decode_bytes else None
        row = Row(tuple(prompt), settings, generator(settings.seed, number), constraint, stops, watch=watch)
        self.waiting.append(row)
        return row

    def step(self) -> list[Row]:
        """The rows that got an id, each one; one call of the model, or more while prompts are read. Empty when every
        row has ended."""
        while True:
            if rows := self.advance():
                return rows
            if self.is_idle:
                return []

    def advance(self) -> list[Row]:
        """At most one call of the model; the rows that got an id, which may be none while prompts are read."""
        for row in [*self.rows, *self.waiting]:
            self._check_room(row)
        likeliest: Sequence[int] | None = None
        if ready := self.places.let_in(self.waiting):
            logits = self.waiting.logits_for(ready)
        elif self.is_idle:
            return []
        else:
            ready, logits, likeliest = self.places.read()
            self.waiting.note(ready, logits)
            if any(row.watch is not None for row in ready):
                ready, logits = self._with_room(ready, logits)
                likeliest = None
        if not ready:
            return []
        if self.exact:
            return choose_exactly(logits, ready, self.vocabulary, likeliest)
        choose(logits, ready, self.vocabulary, likeliest)
        return ready

    def run(self, cancelled: Callable[[], bool] | None = None) -> None:
        """Step until every row has ended, or `cancelled()` says so."""
        while not (cancelled is not None and cancelled()):
            if not self.step():
                return
        for row in [*self.rows, *self.waiting]:
            row.cancel()

    def _with_room(self, rows: list[Row], logits: Float[Tensor, "B V"]) -> tuple[list[Row], Float[Tensor, "some V"]]:
        """Without those whose prompts fill the context, and were read for whoever watches them."""
        for row in rows:
            self._check_room(row)
        places = [place for place, row in enumerate(rows) if row.finish_reason is None and not row.pending]
        return [rows[place] for place in places], logits[places]

    def _check_room(self, row: Row) -> None:
        if row.watch is not None and row.read < len(row.prompt):
            return
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
        row.read, row.watch = 0, None
