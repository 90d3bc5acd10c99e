"""From the engine's threads to the handler of a request, without either waiting for the other."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..jobs import Event, Failed, Finished, Likely, Piece, PromptScores, Why

MOST_IDS = 256
"""In one piece that has grown together, and about as many in what is taken at once: so that nobody else waits long
while it is written down."""


class Left(Exception):
    """The client has closed its connection."""


class Mail:
    """What other threads tell the handlers of one loop, handed out in as few calls of the loop as will do: to wake it
    for each event of each row costs more than to write the event down."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.letters: deque[tuple[Callable[[Event], None], Event]] = deque()
        self.is_called = False

    def send(self, put: Callable[[Event], None], event: Event) -> None:
        """Have `put(event)` called in the loop; from any thread. Nothing happens once the loop is closed."""
        self.letters.append((put, event))
        if self.is_called:  # and has not looked yet: it will find this one too
            return
        self.is_called = True
        try:
            self.loop.call_soon_threadsafe(self._hand_out)
        except RuntimeError:
            if not self.loop.is_closed():
                raise

    def _hand_out(self) -> None:
        self.is_called = False
        for _ in range(len(self.letters)):  # and not what comes meanwhile: others have a turn first
            put, event = self.letters.popleft()
            put(event)


@dataclass(eq=False)
class Growing:
    """What became known of one row since its handler last looked."""

    row: int
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

    def piece(self) -> Piece:
        """All of it as one piece."""
        return Piece(
            self.row,
            tuple(self.ids),
            "".join(self.texts),
            tuple(self.log_probabilities),
            tuple(self.likeliest),
            self.finish_reason,
        )


class Inbox:
    """The events of one job. What a reader is too slow to take grows together: so a slow reader costs the memory of its
    own text, which the limits of a request bound, and nobody else anything."""

    def __init__(self, mail: Mail | None = None) -> None:
        self.mail = Mail() if mail is None else mail
        self.news = asyncio.Event()
        self.scores: list[PromptScores] = []
        self.pieces: deque[Growing] = deque()
        self.open: dict[int, Growing] = {}
        """The last of each row among these, while it may grow."""
        self.end: Finished | Failed | None = None
        self.has_left = False

    def tell(self, event: Event) -> None:
        """Hand an event to the handler; from any thread."""
        self.mail.send(self._put, event)

    def leave(self) -> None:
        """The client has: whoever takes is told so, at once."""
        self.has_left = True
        self.news.set()

    def _put(self, event: Event) -> None:
        if isinstance(event, Piece):
            growing = self.open.get(event.row)
            if growing is None or len(growing.ids) >= MOST_IDS:
                growing = self.open[event.row] = Growing(event.row)
                self.pieces.append(growing)
            growing.add(event)
        elif isinstance(event, PromptScores):
            self.scores.append(event)
        else:
            self.end = event
        self.news.set()

    async def take(self) -> Sequence[Event]:
        """Some of what came since the last call, in its order, as soon as something did. `Left` once the client has."""
        await self.news.wait()
        if self.has_left:
            raise Left
        events: list[Event] = [*self.scores]
        self.scores, ids = [], 0
        while self.pieces and ids < MOST_IDS:
            growing = self.pieces.popleft()
            if self.open.get(growing.row) is growing:
                del self.open[growing.row]
            events.append(growing.piece())
            ids += len(growing.ids)
        if not self.pieces:
            self.news.clear()
            events.extend([] if self.end is None else [self.end])
        return events
