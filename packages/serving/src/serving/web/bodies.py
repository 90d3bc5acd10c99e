"""The body of a request: JSON that says so, which a page of another origin cannot send unasked; no larger than allowed,
and in time."""

import asyncio
from http import HTTPStatus

from starlette.requests import Request

from ..protocol.refusals import Refused

SECONDS = 60
"""In which a body has to be here."""


async def body_of(request: Request, most: int) -> bytes:
    """The bytes of a body. 415 for one that does not say to be JSON, 413 for more than `most` bytes, 408 for one that
    does not come; ClientDisconnect where the client leaves meanwhile."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(
            f"wanted the header Content-Type: application/json, got {kind[:60] or 'none'}; "
            "with curl: -H 'Content-Type: application/json'",
            status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )
    if coding := request.headers.get("content-encoding"):
        raise Refused(
            f"wanted a body as it is, got one with Content-Encoding: {coding[:60]}; send it unpacked",
            status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise _too_large(most, announced)
    parts, size = [], 0
    try:
        async with asyncio.timeout(SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise _too_large(most, f"more than {size - len(part):,}")
                parts.append(part)
    except TimeoutError:
        raise Refused(
            f"wanted the whole body within {SECONDS} s, got {size:,} bytes of it; send it again",
            status=HTTPStatus.REQUEST_TIMEOUT,
        ) from None
    return b"".join(parts)


def _too_large(most: int, got: str) -> Refused:
    return Refused(
        f"wanted a body of at most {most:,} bytes, got {got}; send less at a time",
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        code="body_too_large",
    )
