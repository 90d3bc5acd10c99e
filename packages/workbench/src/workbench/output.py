"""Words beside work that matters more than they do: what nobody can take is lost, and the work goes on."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, Literal

GONE = {errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO}
"""The reader of a pipe left, the terminal was closed: nothing will ever be read there. A full disk may get room."""


class Unfailing(io.TextIOBase):
    """`sys.stdout` or `sys.stderr`, whichever object that is at the moment, without its errors.

    Lost are words for a full disk, a reader who left, a closed terminal or stream, and for no stream at all (None, as
    under pythonw). A character that the encoding lacks is written as Python escapes it (\\u2588). Once a reader has
    left, the descriptor leads nowhere, so that Python can flush it on its way out.
    """

    def __init__(self, name: Literal["stdout", "stderr"], stream: Any = None) -> None:
        self._name, self._stream = name, stream

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._now, name)

    @property
    def _now(self) -> Any:
        return self._stream if self._stream is not None else getattr(sys, self._name)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._now, "encoding", None) or "utf-8"

    def fileno(self) -> int:
        """OSError where there is none, as io's."""
        if self._now is None:
            raise io.UnsupportedOperation("no stream")
        return int(self._now.fileno())

    def isatty(self) -> bool:
        try:
            return bool(self._now.isatty())
        except (AttributeError, ValueError):  # None, or closed
            return False

    def write(self, text: str) -> int:
        stream = self._now
        try:
            try:
                stream.write(text)
            except UnicodeEncodeError:
                stream.write(text.encode(self.encoding, "backslashreplace").decode(self.encoding))
        except (OSError, ValueError, AttributeError) as error:
            self._lost(stream, error)
        return len(text)

    def flush(self) -> None:
        stream = self._now
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError) as error:
            self._lost(stream, error)

    def close(self) -> None:
        """The stream is not this object's to close."""

    def _lost(self, stream: Any, error: Exception) -> None:
        if isinstance(error, OSError) and error.errno in GONE:
            lead_nowhere(stream)


def lead_nowhere(stream: Any) -> None:
    """From now on whatever is written to the stream's descriptor is lost; nothing for a stream without one."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)


@contextmanager
def unfailing_output() -> Iterator[None]:
    """Inside, `print` and whatever else writes to standard output and standard error cannot fail: `Unfailing`.

    For work that is worth more than its words, such as training. Not for a command whose purpose is its output: that
    ends when nobody reads (`answered` makes it 141).
    """
    with redirect_stdout(around("stdout")), redirect_stderr(around("stderr")):
        try:
            yield
        finally:
            settle()


def settle() -> None:
    """Flush both; what still cannot be written is given up, so that Python does not end with 120 for it."""
    for stream in (sys.stdout, sys.stderr):
        plain = stream._now if isinstance(stream, Unfailing) else stream
        try:
            if plain is not None:
                plain.flush()
        except (OSError, ValueError):
            lead_nowhere(plain)


def around(name: Literal["stdout", "stderr"]) -> Any:
    """The stream of that name as it is now, unfailing."""
    stream = getattr(sys, name)
    return stream if isinstance(stream, Unfailing) else Unfailing(name, stream if stream is not None else io.StringIO())
