"""One request on its way: the job's events become an answer, whole or streamed, and who leaves is not worked for."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..jobs import Event, Failed, Finished, Full, NotTaking, Piece, Serves, Ticket
from ..protocol.parts import Part, Parts, together
from ..protocol.plans import Plan
from ..protocol.refusals import Refused
from ..protocol.writers import Writer, failed
from .access_log import Record
from .inbox import Inbox, Left, Mail

JSON = "application/json"
FAILURES = {"refused": 400, "late": 503, "memory": 503, "broken": 500}
"""Statuses by the kind of `Failed`."""
STREAM_HEADERS = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"))
MANY_SCORES = 1_000
"""Tokens with log-probabilities that are written down in a thread, while others are answered."""


def submit(engine: Serves, plan: Plan, name: str, seconds: float, mail: Mail) -> tuple[Ticket, Inbox]:
    """Give the job to the engine: 400 for what it cannot do, 429 when it is full, 503 when it takes nothing."""
    inbox = Inbox(mail)
    try:
        return engine.submit(plan.job(name, seconds, inbox.tell)), inbox
    except ValueError as error:
        raise Refused(str(error)) from None
    except Full as full:
        raise Refused(str(full), status=429, code="rate_limit_exceeded", retry_after=full.retry_after) from None
    except NotTaking as error:
        raise Refused(f"{error}; try again later", status=503, code=error.state, retry_after=5) from None


@dataclass
class Answer:
    """The answer to one request, as an ASGI response."""

    ticket: Ticket
    inbox: Inbox
    writer: Writer
    record: Record
    texts: bool = False
    """Whether the log gets the text."""

    def __post_init__(self) -> None:
        self.parts = Parts(self.writer.plan)
        self.told: list[Part] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; the job ends with its client. Whoever leaves gets no status in the log."""
        gone = asyncio.create_task(self._watch(receive))
        try:
            if self.writer.plan.stream:
                await self._stream(send)
            else:
                await Response(await self._whole(), media_type=JSON)(scope, receive, send)
        except Left:
            self.record.facts["left"] = True
        finally:
            self.ticket.cancel()
            gone.cancel()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.inbox.leave()

    async def _whole(self) -> bytes:
        ended = False
        while not ended:
            ended = self._read(await self.inbox.take())
        texts = together(self.told, self.writer.plan.rows)
        self._note(texts)
        if sum(len(text.scores or ()) for text in texts) <= MANY_SCORES:
            return self.writer.whole(texts, self.parts)
        return await asyncio.to_thread(self.writer.whole, texts, self.parts)

    async def _stream(self, send: Send) -> None:
        began = ended = False
        while not ended:
            events = await self.inbox.take()
            known = len(self.told)
            try:
                ended = self._read(events)
            except Refused as refused:
                if not began:
                    raise
                self.record.facts["failed"] = refused.message
                await _more(send, failed(refused), last=True)
                return
            data = b"".join(self.writer.chunks(part, self.parts) for part in self.told[known:])
            if not self.texts:
                self.told = [_without_text(part) for part in self.told if part.finish_reason is not None]
            if not began:
                await send({"type": "http.response.start", "status": 200, "headers": [*STREAM_HEADERS]})
                began = True
            await _more(send, data + (self.writer.end(self.parts) if ended else b""), last=ended)
        self._note(together(self.told, self.writer.plan.rows))

    def _read(self, events: Sequence[Event]) -> bool:
        """Take the events in; True after the last. `Refused` for a job that failed."""
        for event in events:
            if isinstance(event, Failed):
                status = FAILURES[event.kind]
                raise Refused(event.message, status=status, code=event.kind, retry_after=5 if status == 503 else None)
            if isinstance(event, Finished):
                self.told.extend(self.parts.rest(event.usage))
                return True
            if isinstance(event, Piece):
                self.record.facts.setdefault("first_token_seconds", round(perf_counter() - self.record.began, 6))
            self.told.extend(self.parts.of(event))
        return False

    def _note(self, texts: Sequence[Part]) -> None:
        usage = self.parts.usage
        if usage is not None:
            self.record.facts |= {
                "prompt_tokens": usage.prompt_tokens,
                "new_tokens": usage.new_tokens,
                "waited_seconds": round(usage.waited, 6),
            }
        self.record.facts["finish_reasons"] = [text.finish_reason for text in texts]
        if self.texts:
            self.record.facts["texts"] = [text.text for text in texts]


async def _more(send: Send, body: bytes, *, last: bool) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": not last})


def _without_text(part: Part) -> Part:
    return Part(part.index, "", None, part.finish_reason)
