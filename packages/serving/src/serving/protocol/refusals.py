"""What a client is told that asked for something wrong, or that cannot be served now: a status and OpenAI's error body.

{"error": {"message": "…", "type": "invalid_request_error", "param": "temperature", "code": null}}
"""

from http import HTTPStatus
from typing import Any

import msgspec

TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}
"""OpenAI's names of errors by status; of the others below 500 "invalid_request_error", from there on "server_error"."""


class Refused(Exception):
    """An answer that is no result. `message` says what was wanted, what came and what to do; `param` names the field.

    retry_after: seconds after which the same request may be taken, for status 429 and 503.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = HTTPStatus.BAD_REQUEST,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.param, self.code = message, int(status), param, code
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, Any]:
        """The error as OpenAI writes it."""
        kind = TYPES.get(HTTPStatus(self.status)) or (
            "invalid_request_error" if self.status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"
        )
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    @property
    def headers(self) -> dict[str, str]:
        """What goes with the body."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}

    def encoded(self) -> bytes:
        """The body as JSON."""
        return msgspec.json.encode(self.body)


def wrong(param: str, message: str, code: str | None = None) -> Refused:
    """400 for one field."""
    return Refused(f"{param}: {message}", param=param, code=code)


def unknown_model(name: str, known: list[str]) -> Refused:
    """404 for a model that is not served here."""
    return Refused(
        f"model: wanted one of {', '.join(known)}, got {name!r}; GET /v1/models lists them",
        status=HTTPStatus.NOT_FOUND,
        param="model",
        code="model_not_found",
    )
