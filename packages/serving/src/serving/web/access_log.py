"""One JSON object a request: who asked for what, how it ended and how long it took. No prompts, unless asked for."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, TextIO

import msgspec


@dataclass
class Record:
    """What is known of one request. Handlers add to `facts`."""

    name: str
    method: str
    path: str
    client: str | None
    began: float = field(default_factory=perf_counter)
    when: datetime = field(default_factory=lambda: datetime.now(UTC))
    status: int | None = None
    """None: the client left before it got one."""
    facts: dict[str, Any] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """The entry of this request, now that it is over."""
        return {
            "time": self.when.isoformat(timespec="milliseconds"),
            "id": self.name,
            "client": self.client,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "seconds": round(perf_counter() - self.began, 6),
            **self.facts,
        }


class AccessLog:
    """Writes entries to a file, or to standard error. `texts`: requests and answers too, for `serving replay`."""

    def __init__(self, path: Path | None = None, *, texts: bool = False, quiet: bool = False) -> None:
        self.texts, self.quiet = texts, quiet
        self.stream: TextIO | None = None if path is None else path.open("a", encoding="utf-8")

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append one line. What a full disk or a closed terminal loses is lost; requests go on."""
        if self.quiet and self.stream is None:
            return
        try:
            stream = self.stream or sys.stderr
            stream.write(msgspec.json.encode(entry).decode() + "\n")
            stream.flush()
        except (OSError, ValueError):
            pass

    def close(self) -> None:
        """Close the file."""
        if self.stream is not None:
            self.stream.close()
