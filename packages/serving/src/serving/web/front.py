"""Around every request: its id, the key, its line in the access log, its place in the counts."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..protocol.refusals import Refused
from .access_log import AccessLog, Record
from .keys import Keys

OPEN = ("/health", "/ready", "/openapi.json")
"""What is told without a key: nothing of it is anybody's."""


@dataclass
class Running:
    """How many requests are being answered."""

    requests: int = 0


class Front:
    """An ASGI application around another one. `count` is told method, path and status of each request that is over."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: Keys,
        log: AccessLog,
        running: Running,
        count: Callable[[Record], None],
    ) -> None:
        self.app, self.keys, self.log, self.running, self.count = app, keys, log, running, count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; other kinds of scopes are handed on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        client = scope.get("client")
        record = Record(f"req-{secrets.token_hex(12)}", scope["method"], scope["path"], client and client[0])
        scope["record"] = record
        self.running.requests += 1
        try:
            await self._answer(scope, receive, self._noting(record, send))
        except Exception:
            record.status = record.status or 500
            raise
        finally:
            self.running.requests -= 1
            self.count(record)
            self.log.write(record.line())

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in OPEN:
            try:
                self.keys.check(Headers(scope=scope).get("authorization", "").encode() or None)
            except Refused as refused:
                await refusal(refused)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _noting(self, record: Record, send: Send) -> Callable[[Message], Awaitable[None]]:
        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = record.name
            await send(message)

        return noted


def refusal(refused: Refused) -> Response:
    """What was wrong, as a response."""
    headers = dict(refused.headers)
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(refused.encoded(), refused.status, headers, media_type="application/json")
