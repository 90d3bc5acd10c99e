"""Keys that clients have to show: from a file or the environment, never from the command line, which everybody on the
machine can read."""

import hashlib
import hmac
import os
from collections.abc import Sequence
from pathlib import Path

from workbench import read_utf8, split_lines

from ..protocol.refusals import Refused

VARIABLE = "SERVING_API_KEY"


class Keys:
    """The keys that are taken; none: everybody is let in."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self.digests = [_digest(key.encode()) for key in keys]

    def check(self, authorization: bytes | None) -> None:
        """401 for a header `Authorization` without one of the keys. How long that takes tells nothing about a key."""
        if not self.digests:
            return
        kind, _, shown = (authorization or b"").partition(b" ")
        digest = _digest(shown.strip())
        right = [hmac.compare_digest(digest, known) for known in self.digests]
        if kind.lower() != b"bearer" or not any(right):
            got = "none" if authorization is None else "another"
            raise Refused(
                f"wanted the header Authorization: Bearer KEY with a key of this server, got {got}; ask who runs it",
                status=401,
                code="invalid_api_key",
            )


def read_keys(path: Path | None) -> Keys:
    """What a server takes: `known_keys`, all of them."""
    return Keys(known_keys(path))


def known_keys(path: Path | None) -> list[str]:
    """The keys of a file, one a line; without a file that of the environment, where there is one. ValueError for a file
    without a key. A client shows the first."""
    if path is None:
        return [key] if (key := os.environ.get(VARIABLE, "").strip()) else []
    keys = [line.strip() for line in split_lines(read_utf8(path, "a key")) if line.strip()]
    if not keys:
        raise ValueError(f"--key-file {path}: wanted a key on a line of its own, got an empty file; write one into it")
    return keys


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
