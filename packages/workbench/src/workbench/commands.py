"""How a command reads what was typed, and how it ends: an exit code, and at most one line on standard error."""

import errno
import io
import logging
import os
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from typing import Any

from .files.paths import with_expanded_paths
from .output import Unfailing, around, lead_nowhere, settle
from .slips import missing, nearest, slip, unframed
from .stops.signals import ENDS, Terminated, none_lost, terminated
from .threads import spin_briefly

BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 2, 130, 141
"""Exit codes: 2 as for wrong arguments; the others as a shell reports SIGINT and SIGPIPE, and so for `ENDS`."""
LOGS = "%(levelname)s: %(message)s"
CURES = {
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR), ("a file or folder", "check the path")),
    errno.EISDIR: ("a file", "name a file in it"),
    errno.EACCES: ("a file or folder", "change who may use it, or name another"),
}
"""What was wanted of a path that does not do, and what to do about it."""


def plain(error: Exception) -> str:
    """The message of an error in one line; an OSError's with its file and what to do, without its number."""
    message = str(error)
    if isinstance(error, OSError) and error.strerror:
        files = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, (str, bytes))]
        message = f"{' -> '.join(files)}: {error.strerror}" if files else error.strerror
        if len(files) == 1 and error.errno in CURES and error.strerror == os.strerror(error.errno):
            wanted, cure = CURES[error.errno]
            message = f"wanted {wanted}, got {message}; {cure}"
    return " ".join(line.strip() for line in message.splitlines() if line.strip()) or type(error).__name__


def answered(
    prog: str,
    work: Callable[[], int | None],
    *,
    said: Callable[[Exception], str] = plain,
    left_behind: Callable[[], str] | None = None,
    tell: Callable[[str], bool] | None = None,
    logs: str | None = LOGS,
    spin: bool = True,
    on_terminate: bool = True,
) -> int:
    """Do the work of a command, reading its arguments included, and return the exit code.

    0, or the work's own int (1: "no"); 2 for ValueError, OSError and ImportError; 130 after Ctrl-C; 141 when the reader
    of standard output left; 143 after SIGTERM and 129 after SIGHUP. None of these shows a traceback: 141 is silent, the
    others are one line `prog: message` on standard error, which is lost, and changes nothing, where that cannot take
    it. Other errors are mistakes of the program and pass through, as does SystemExit.

    said: the message of an error, such as `plain` with names as they are typed.
    left_behind: what a command that is stopped leaves, for the end of its line; a message that the KeyboardInterrupt
        itself brings counts first.
    tell: whether this process prints that message; of several processes one should.
    logs: format of log messages of level WARNING and above on standard error; None leaves logging alone.
    spin: call `spin_briefly` first.
    on_terminate: let SIGTERM and SIGHUP unwind the work, so that what it holds is closed. False for a process that
        another one ends by SIGTERM and that may be waiting in C++ then.
    """
    if spin:
        spin_briefly()
    if logs is not None:
        logging.basicConfig(format=logs, level=logging.WARNING)

    def end(code: int, message: str, begin: str = "") -> int:
        if tell is None or tell(message):
            Unfailing("stderr").write(f"{begin}{prog}: {message}\n")
        return code

    def stopped(code: int, word: str, stop: BaseException) -> int:
        left = str(stop) or (left_behind() if left_behind is not None else "")
        after_echo = "\n" if code == INTERRUPTED and Unfailing("stderr").isatty() else ""
        return end(code, f"{word}; {left}" if left else word, after_echo)

    try:
        with terminated() if on_terminate else nullcontext(), redirect_stderr(around("stderr")), none_lost():
            return _flushed(work)
    except BrokenPipeError:
        lead_nowhere(sys.stdout)
        return BROKEN_PIPE
    except KeyboardInterrupt as stop:
        return stopped(INTERRUPTED, "interrupted", stop)
    except Terminated as stop:
        return stopped(128 + stop.number, ENDS[signal.Signals(stop.number).name], stop)
    except (ValueError, OSError, ImportError) as error:
        return end(BAD_INPUT, said(error))
    finally:
        settle()


def parsed(
    prog: str,
    description: str | None,
    commands: Mapping[str, Any] | type,
    arguments: Sequence[str] | None = None,
    *,
    bare: Mapping[str, str] | str = "",
) -> Any:
    """The settings that were typed: an instance of one of `commands`, dataclasses by their names; `~` in paths is home.

    A single class is a command without sub-commands; the name "" is what is meant where no sub-command is typed.
    Raises ValueError, in one line, for arguments that are wrong; SystemExit(0) after `--help`.

    arguments: those of the process if left out.
    bare: what to do about a word without its option, where a command takes none: `to learn from a text: --text {word}`;
        by the name of the command where there are several.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    kinds: dict[str, Any] = dict(commands) if isinstance(commands, Mapping) else {"": commands}
    hints = {"": bare} if isinstance(bare, str) else dict(bare)
    name = words[0] if words else ""
    if name in kinds and name:
        return _settings(f"{prog} {name}", None, kinds[name], words[1:], hints.get(name, ""))
    if "" in kinds:
        near = nearest(name, [one for one in kinds if one], prog) if name and not name.startswith("-") else ""
        hint = near if near.startswith("did you mean") else hints.get("", "")
        return _settings(prog, description, kinds[""], words, hint)
    if name in ("-h", "--help") or name.startswith("--tyro-"):
        import tyro

        with _uncolored(), _wrapped_help():
            tyro.extras.subcommand_cli_from_dict(kinds, prog=prog, description=description, args=words)
    got = repr(name) if name else "none"
    raise ValueError(f"wanted one of the commands {', '.join(kinds)}, got {got}; {nearest(name, kinds, prog)}")


def _settings(prog: str, description: str | None, kind: Any, words: Sequence[str], hint: str) -> Any:
    import tyro

    if found := slip(prog, kind, words, hint):
        raise ValueError(found)
    frame = io.StringIO()
    try:
        with redirect_stderr(frame), _uncolored(), _wrapped_help():
            return with_expanded_paths(tyro.cli(kind, prog=prog, description=description, args=words))
    except SystemExit as end:
        if end.code:
            if told := missing(frame.getvalue(), prog, kind):
                raise ValueError(told) from None
            raise ValueError(f"{unframed(frame.getvalue())}; {prog} --help lists all") from None
        raise


class _Page(Unfailing):
    """Standard output whose text is kept: asked for its encoding and its terminal, it answers as before."""

    def __init__(self) -> None:
        super().__init__("stdout", sys.stdout or io.StringIO())
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)


@contextmanager
def _wrapped_help() -> Iterator[None]:
    """Inside, `--help` fills the terminal and no line is wider: tyro wraps options, but no descriptions, and breaks
    the text of an option where the lines of its docstring end, too (unless a later tyro reads docstrings otherwise)."""
    import tyro

    inside: Any = getattr(tyro, "_docstrings", page := _Page())
    found: Any = getattr(inside, "get_field_docstring", None)
    inside.get_field_docstring = lambda *about: " ".join((found(*about) or "").split()) or None
    try:
        with redirect_stdout(page):
            yield
    finally:
        inside.get_field_docstring = found
        width = shutil.get_terminal_size().columns if "usage:" in page.text else sys.maxsize
        for line in page.text.splitlines() if sys.stdout is not None else ():
            sys.stdout.write((textwrap.fill(line, width) if len(line) > width and "\x1b" not in line else line) + "\n")


@contextmanager
def _uncolored() -> Iterator[None]:
    """Where NO_COLOR is set, help is plain (no-color.org): tyro asks for the kind of terminal only."""
    if not os.environ.get("NO_COLOR"):
        yield
        return
    kept = os.environ.get("TERM")
    os.environ["TERM"] = "dumb"
    try:
        yield
    finally:
        if kept is None:
            del os.environ["TERM"]
        else:
            os.environ["TERM"] = kept


def _flushed(work: Callable[[], int | None]) -> int:
    """Whatever was printed is out when this returns, so that a reader who left is noticed here."""
    try:
        code = work()
    except SystemExit:
        _flush()
        raise
    _flush()
    return int(code or 0)


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()
