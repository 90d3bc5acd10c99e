"""One request to a server that speaks OpenAI's completions, streamed, with the time of everything that comes back.

Written over the standard library and httptools: a client that is itself slow measures itself.
"""

import asyncio
import json
import ssl
import time
from dataclasses import dataclass, field
from typing import Any

import httptools

from .addresses import Address


@dataclass
class Answer:
    """What came back, and when, in seconds from sending the request on."""

    status: int = 0
    """HTTP status; 0 where the connection ended before."""
    times: list[float] = field(default_factory=list)
    """Of each event that brought text."""
    seconds: float = 0.0
    """To the end of the answer."""
    tokens: int = 0
    """As the server counts them (`usage.completion_tokens`), or the events where it does not say."""
    finish_reason: str | None = None
    whole: bool = False
    """Whether `[DONE]` came."""
    error: str = ""


@dataclass
class _Received:
    """What httptools tells of a response."""

    body: bytearray = field(default_factory=bytearray)
    done: bool = False

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        self.done = True


async def get(at: Address, path: str, key: str | None) -> tuple[int, bytes]:
    """Status and body of a GET."""
    status, body = 0, b""
    async for parser, got, _ in _exchange(at, "GET", path, None, key):
        status, body = parser.get_status_code(), bytes(got.body)
    return status, body


async def complete(at: Address, request: dict[str, Any], key: str | None, timeout: float) -> Answer:
    """Send one completion, streamed, and take the times; what fails is in the answer, not raised."""
    answer, began = Answer(), time.perf_counter()
    body = json.dumps({**request, "stream": True, "stream_options": {"include_usage": True}}).encode()
    try:
        async with asyncio.timeout(timeout):
            async for parser, got, now in _exchange(at, "POST", "/v1/completions", body, key):
                answer.status = parser.get_status_code()
                if answer.status == 200:
                    _read_events(got.body, answer, now - began)
            if answer.status != 200:
                answer.error = got.body[:300].decode("utf-8", "replace")
    except (OSError, TimeoutError, httptools.HttpParserError, ValueError) as error:
        answer.error = f"{type(error).__name__} {error}".strip()
    answer.seconds = time.perf_counter() - began
    answer.tokens = answer.tokens or len(answer.times)
    return answer


async def _exchange(at: Address, method: str, path: str, body: bytes | None, key: str | None) -> Any:
    """The response as it grows: the parser, what it received, and the time."""
    secure = ssl.create_default_context() if at.encrypted else None
    reader, writer = await asyncio.open_connection(at.host, at.port, ssl=secure)
    got = _Received()
    parser = httptools.HttpResponseParser(got)
    host = f"[{at.host}]" if ":" in at.host else at.host
    head = [f"{method} {at.path}{path} HTTP/1.1", f"Host: {host}:{at.port}", "Connection: close"]
    head += [f"Authorization: Bearer {key}"] if key else []
    head += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body is not None else []
    try:
        writer.write("\r\n".join([*head, "", ""]).encode() + (body or b""))
        while not got.done and (part := await reader.read(65536)):
            now = time.perf_counter()
            parser.feed_data(part)
            yield parser, got, now
    finally:
        writer.close()


def _read_events(body: bytearray, answer: Answer, now: float) -> None:
    """Take the server-sent events that are whole out of `body`."""
    body[:] = body.replace(b"\r\n", b"\n")
    while (end := body.find(b"\n\n")) >= 0:
        lines = bytes(body[:end]).splitlines()
        del body[: end + 2]
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                answer.whole = True
                continue
            event = json.loads(data)
            if "error" in event:
                answer.error = json.dumps(event["error"])
            if choices := event.get("choices"):
                answer.times.append(now)
                answer.finish_reason = choices[0].get("finish_reason") or answer.finish_reason
            answer.tokens = (event.get("usage") or {}).get("completion_tokens") or answer.tokens
