"""JSON Lines to standard output, or to a file that an interrupted command resumes.

Such a file belongs to one process: from `finished_lines` until the lines that it gave are gone, and while a
`line_writer` is open, a second process is refused. See `claims` for what becomes of the hold of a process that was
killed.
"""

import errno
import json
import logging
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from .claims import Hold, hold
from .json_lines import Line, parse_object
from .texts import many, shorten, split_lines

DEFAULT = "its default"
logger = logging.getLogger(__name__)


class Finished(list[Line]):
    """The lines that are there; as long as they are, the file is held for this process."""

    held: Hold | None = None


def finished_lines(out: Path | None, resume: bool) -> list[Line]:
    """The lines that an earlier run wrote; one that broke off in the middle is cut from the file.

    No other process may write to `out`, from now on until the returned list is thrown away.

    Raises ValueError where `out` exists and nobody asked to go on with it, where it holds something else, where there
    is nothing to go on with, and InUse, a ValueError, where another process writes to it.
    """
    if resume and out is None:
        raise ValueError("wanted --out FILE with --resume, got none; name the file that the earlier run wrote")
    finished = Finished()
    finished.held = _held(out)
    if out is None or not out.exists() or (out.is_file() and out.stat().st_size == 0):  # nothing there to lose
        return finished
    if not resume:
        raise ValueError(f"wanted a new file, got {out}, which exists; add --resume to go on with it, or name another")
    if out.is_dir():
        raise ValueError(f"wanted the file that an earlier run wrote, got {out}, a folder; name a file in it")
    content = out.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    try:
        finished += [parse_object(line, str(out)) for line in split_lines(whole.decode("utf-8"))]
    except ValueError:
        raise ValueError(
            f"wanted an earlier run's JSON Lines in {out}, got something else; name another file"
        ) from None
    if len(whole) < len(content):
        with out.open("r+b") as file:
            file.truncate(len(whole))
    return finished


def lines_left(out: Path | None) -> str:
    """What a command that was interrupted leaves in `out`, and how to go on; empty where there is no such file."""
    if out is None or not out.is_file():
        return ""
    lines = many(out.read_bytes().count(b"\n"), "line")
    return f"{out} has {lines}, the same command with --resume goes on from there"


def check_same(lines: list[Line], wanted: list[Line], out: Path | None) -> None:
    """ValueError, which names what differs, unless every finished line says the same as `wanted` does in the fields
    that `wanted` has. What stands in an object within one line and not in the other's has its default there."""
    if len(lines) > len(wanted):
        raise ValueError(
            f"wanted at most {len(wanted)} lines in {out}, got {len(lines)}; name the same input as before"
        )
    for number, (line, want) in enumerate(zip(lines, wanted, strict=False), start=1):
        if missing := [name for name in want if name not in line]:
            raise ValueError(
                f"wanted lines that say their {' and '.join(missing)}, got none in line {number} of {out}: another "
                "command or version wrote it; name another file"
            )
        here, there = _facts(want), _facts({name: line[name] for name in want})
        differing = [name for name in {**here, **there} if here.get(name, DEFAULT) != there.get(name, DEFAULT)]
        if differing:
            raise ValueError(
                f"wanted {_said(here, differing)} in line {number} of {out}, got {_said(there, differing)}; give the "
                "same model, input and settings as before, or name another file"
            )


@contextmanager
def line_writer(out: Path | None) -> Iterator[Callable[[Line], None]]:
    """A function that writes one line, at once: a run that is killed has all lines but the one under way.

    out: a file to append to; None for standard output. Raises OSError where it cannot be written, InUse, a ValueError,
    where another process writes to it.
    """
    if out is None:
        yield lambda line: _write(sys.stdout, line)
        return
    with _held(out) or nullcontext():
        try:
            file = out.open("a", encoding="utf-8", newline="\n")
        except OSError as error:
            raise OSError(f"wanted a file to write, got {out}: {error.strerror}; check its folder") from None
        with file:
            yield lambda line: _write(file, line)


def finite(value: Any) -> Any:
    """The same with null for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {name: finite(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _held(out: Path | None) -> Hold | None:
    """None for what is no file to share, such as a pipe or a terminal, and where its folder cannot hold a lock."""
    if out is None or not out.resolve().parent.is_dir() or (out.exists() and not out.is_file()):
        return None
    try:
        return hold(out, shared=True)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        logger.warning("%s: no lock can be made beside it; see that one process at a time writes to it", out)
        return None


def _facts(line: Line) -> Line:
    """The fields of a line, with those of an object in it in its place."""
    return {
        k: v for name, value in line.items() for k, v in (value if isinstance(value, dict) else {name: value}).items()
    }


def _said(facts: Line, names: list[str]) -> str:
    """Some of the facts, long ones cut: "seed=1 and top_k=its default"."""
    return " and ".join(f"{name}={shorten(repr(facts[name])) if name in facts else DEFAULT}" for name in names)


def _write(file: Any, line: Line) -> None:
    """Characters that the file's encoding lacks as JSON escapes them. BrokenPipeError where there is no file."""
    if file is None:
        raise BrokenPipeError
    try:
        file.write(json.dumps(finite(line), ensure_ascii=False, allow_nan=False) + "\n")
    except UnicodeEncodeError:
        file.write(json.dumps(finite(line), allow_nan=False) + "\n")
    file.flush()
