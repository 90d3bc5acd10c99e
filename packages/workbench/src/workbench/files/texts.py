"""Texts: read strictly as UTF-8, and a few words about them."""

import sys
from pathlib import Path

MARK = "\ufeff".encode()
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_utf8(path: str | Path, what: str = "text", *, dash_is_input: bool = False) -> str:
    """The whole of a file without the byte order mark that some editors put in front; no line end is changed.

    Raises ValueError that names the first byte which is no UTF-8; OSError where there is no such file of `what`.
    dash_is_input: `-` is standard input.
    """
    if dash_is_input and str(path) == "-":
        if sys.stdin is None:
            raise ValueError(f"wanted {what} on standard input, got a closed one; name a file, or pipe something in")
        return decode_utf8(sys.stdin.buffer.read(), "standard input")
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise OSError(f"wanted a file of {what}, got {path}: {error.strerror}; check the path") from error
    return decode_utf8(content, path)


def decode_utf8(data: bytes, name: str | Path, start: int = 0, *, zero_bytes: bool = True) -> str:
    """The text of bytes that lie in `name` from byte `start` on; ValueError names the first that is no UTF-8.

    A byte order mark at byte 0 says how the file is written and is no part of its text: it is dropped.

    zero_bytes: False refuses them too: they are UTF-8, but a file with one is no text.
    """
    if start == 0 and data[:2] in UTF16:
        raise ValueError(f"wanted UTF-8 text, but {name} is UTF-16; convert it with `iconv -f utf-16 -t utf-8`")
    if start == 0 and data.startswith(MARK):
        start, data = len(MARK), data[len(MARK) :]
    if not zero_bytes and (zero := data.find(b"\0")) >= 0:
        raise ValueError(
            f"wanted text, but {name} is binary (a zero byte at offset {start + zero}); leave this file out"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"wanted UTF-8 text, but {name} has an invalid byte 0x{data[error.start]:02x} at offset "
            f"{start + error.start}; convert the file, for example with `iconv -f latin1 -t utf-8`"
        ) from error


def split_lines(text: str) -> list[str]:
    """The lines of a text without their ends, \\n or \\r\\n; what follows the last end is one if it is not empty.

    `str.splitlines` also cuts at characters that stand within a line, such as U+2028.
    """
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def fits_utf8(text: str) -> bool:
    """Whether UTF-8 can hold the text: half a surrogate pair, from odd arguments or odd JSON, it cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def check_several(texts: object, name: str) -> None:
    """TypeError for one text where a list of them is wanted: in Python a text is a sequence of texts, its letters."""
    if isinstance(texts, str):
        start = repr(texts[:40])
        raise TypeError(f"wanted a list of {name}, got one text, {start}; write [{start}] for a list of one")


def shorten(text: str, width: int = 60) -> str:
    """At most so many characters of a text, … in place of the others."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def many(count: int, noun: str) -> str:
    """A count and its noun: "1 byte", "2,000 bytes"."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
