"""From the engine's threads to the handler of a request, without either waiting for the other."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..jobs import Event, Failed, Finished, Likely, Piece, PromptScores, Why


@dataclass
class Growing:
    """What became known of one row since its handler last looked."""

    ids: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)
    likeliest: list[Likely] = field(default_factory=list)
    finish_reason: Why | None = None

    def add(self, piece: Piece) -> None:
        """Take one more piece."""
        self.ids.extend(piece.ids)
        self.texts.append(piece.text)
        self.log_probabilities.extend(piece.log_probabilities)
        self.likeliest.extend(piece.likeliest)
        self.finish_reason = piece.finish_reason

    def piece(self, row: int) -> Piece:
        """All of it as one piece."""
        return Piece(
            row,
            tuple(self.ids),
            "".join(self.texts),
            tuple(self.log_probabilities),
            tuple(self.likeliest),
            self.finish_reason,
        )


class Inbox:
    """The events of one job. What a reader is too slow to take grows together, one piece a row: so a slow reader costs
    the memory of its own text, which the limits of a request bound, and nobody else anything."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.news = asyncio.Event()
        self.scores: list[PromptScores] = []
        self.rows: dict[int, Growing] = {}
        self.end: Finished | Failed | None = None

    def tell(self, event: Event) -> None:
        """Hand an event to the handler; from any thread. Nothing happens once the handler's loop is closed."""
        try:
            self.loop.call_soon_threadsafe(self._put, event)
        except RuntimeError:
            if not self.loop.is_closed():
                raise

    def _put(self, event: Event) -> None:
        if isinstance(event, Piece):
            self.rows.setdefault(event.row, Growing()).add(event)
        elif isinstance(event, PromptScores):
            self.scores.append(event)
        else:
            self.end = event
        self.news.set()

    async def take(self) -> Sequence[Event]:
        """What came since the last call, as soon as something did."""
        await self.news.wait()
        self.news.clear()
        events: list[Event] = [*self.scores, *(growing.piece(row) for row, growing in self.rows.items())]
        if self.end is not None:
            events.append(self.end)
        self.scores, self.rows = [], {}
        return events
