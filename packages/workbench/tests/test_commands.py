"""A command ends with an exit code and at most one line on standard error, whatever happens to it."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import tyro

from workbench import answered, parsed, plain


def raising(error: BaseException):
    def work() -> int:
        raise error

    return work


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (1, 1), (7, 7)])
def test_the_code_is_the_work_s_own(result, code, capsys):
    assert answered("prog", lambda: result) == code
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("wanted this, got that; do it"), "wanted this, got that; do it"),
        (ValueError("wanted this,\n  got\n\nthat"), "wanted this, got that"),
        (ValueError(), "ValueError"),
        (
            FileNotFoundError(2, "No such file or directory", "book.txt"),
            "wanted a file or folder, got book.txt: No such file or directory; check the path",
        ),
        (
            IsADirectoryError(21, "Is a directory", "books"),
            "wanted a file, got books: Is a directory; name a file in it",
        ),
        (
            PermissionError(13, "Permission denied", "book.txt"),
            "wanted a file or folder, got book.txt: Permission denied; change who may use it, or name another",
        ),
        (
            PermissionError(13, "wanted a folder, got none; name one", "books"),
            "books: wanted a folder, got none; name one",
        ),
        (OSError(18, "Cross-device link", "a", None, b"b"), "a -> b: Cross-device link"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("wanted a file, got none"), "wanted a file, got none"),
        (ModuleNotFoundError("No module named 'x'"), "No module named 'x'"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "odd"), "'utf-8' codec can't decode byte 0xff in position 0: odd"),
    ],
)
def test_bad_input_is_2_and_one_line(error, line, capsys):
    assert answered("prog", raising(error)) == 2
    assert capsys.readouterr() == ("", f"prog: {line}\n")
    assert plain(error) == line


def test_mistakes_of_the_program_pass_through():
    with pytest.raises(ZeroDivisionError):
        answered("prog", lambda: 1 // 0)
    with pytest.raises(SystemExit, match="5"):
        answered("prog", raising(SystemExit(5)))


def test_a_message_can_be_worded_and_told_by_one_of_several(capsys):
    assert answered("prog", raising(ValueError("top_k")), said=lambda error: f"--{error}".replace("_", "-")) == 2
    assert capsys.readouterr().err == "prog: --top-k\n"
    told: list[str] = []
    assert answered("prog", raising(ValueError("x")), tell=lambda message: bool(told.append(message))) == 2
    assert (told, capsys.readouterr().err) == (["x"], "")


@pytest.mark.parametrize(
    ("stop", "left", "line"),
    [
        (KeyboardInterrupt(), None, "interrupted"),
        (KeyboardInterrupt(), lambda: "", "interrupted"),
        (KeyboardInterrupt(), lambda: "out.jsonl has 3 lines", "interrupted; out.jsonl has 3 lines"),
        (KeyboardInterrupt("go on with it"), lambda: "else", "interrupted; go on with it"),
    ],
)
def test_an_interrupt_is_130_and_says_what_is_left(stop, left, line, capsys):
    assert answered("prog", raising(stop), left_behind=left) == 130
    assert capsys.readouterr().err == f"prog: {line}\n"


WAITING = """
import sys, time
from workbench import answered
def work():
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        print("closed", flush=True)
sys.exit(answered("prog", work, left_behind=lambda: "half of it is there"))
"""


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated"), (signal.SIGHUP, 129, "hung up")],
)
def test_a_signal_unwinds_the_work_and_is_one_line(python, number, code, word):
    # In the background of a shell SIGINT is ignored, and children inherit that; a handler they do not.
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = python(WAITING)
    finally:
        signal.signal(signal.SIGINT, ours)
    with process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(30) == code
        assert process.stdout.read() == "closed\n"
        assert process.stderr.read() == f"prog: {word}; half of it is there\n"


def test_who_leaves_sigterm_alone_or_handles_it_is_not_disturbed(python):
    alone = WAITING.replace("left_behind=lambda: ", "on_terminate=not ")
    with python(alone) as process:
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert answered("prog", lambda: int(signal.getsignal(signal.SIGTERM) is signal.SIG_IGN)) == 1
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        assert answered("prog", lambda: int(callable(signal.getsignal(signal.SIGTERM)))) == 1
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_nohup_is_honored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert answered("prog", lambda: int(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)) == 1
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("work", "streams", "code"),
    [
        ("raise ValueError('odd')", "2>/dev/full", 2),
        ("raise KeyboardInterrupt", "2>/dev/full", 130),
        ("raise ValueError('odd')", "2>&-", 2),
        ("print('the answer')", ">/dev/full", 2),
        ("print('the answer', file=sys.stderr)", "2>/dev/full", 0),
    ],
)
def test_the_code_is_the_same_where_its_line_cannot_be_written(work, streams, code, tmp_path):
    (tmp_path / "work.py").write_text(
        f"import sys\nfrom workbench import answered\ndef work():\n    {work}\nsys.exit(answered('prog', work))\n"
    )
    shell = f"{sys.executable} {tmp_path / 'work.py'} {streams}"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    assert subprocess.run(["sh", "-c", shell], capture_output=True, env=buffered).returncode == code


@pytest.mark.parametrize("lines", [1, 100_000])  # one stays in Python's buffer until the end, many do not fit a pipe
def test_a_reader_that_leaves_is_141_and_silent(python, lines):
    program = f"""
import sys
from workbench import answered
sys.stdin.readline()
def work():
    for number in range({lines}):
        print("a line that nobody reads", number)
sys.exit(answered("prog", work))
"""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=buffered,
    )
    with process:
        process.stdout.close()
        process.stdin.close()
        assert process.wait(30) == 141
        assert process.stderr.read() == b""


def test_logs_and_threads_are_set_up_unless_told_otherwise(python):
    program = """
import logging, os, sys
from workbench import answered
answered("prog", lambda: logging.getLogger("x").warning("odd"), **eval(sys.argv[1]))
print(os.environ.get("OMP_WAIT_POLICY"), "torch" in sys.modules)
"""
    for options, policy, told in (
        ("{}", "passive", "WARNING: odd\n"),
        ("dict(logs='prog: %(message)s')", "passive", "prog: odd\n"),
        ("dict(logs=None, spin=False)", "None", "odd\n"),
    ):
        out, err = python("import os\nos.environ.pop('OMP_WAIT_POLICY', 0)\n" + program, options).communicate()
        assert (out, err) == (f"{policy} False\n", told)
    assert logging.getLogger("workbench").level == logging.NOTSET


@dataclass(frozen=True)
class Shape:
    """Its shape."""

    width: int = 3
    """How wide."""


@dataclass(frozen=True)
class Train:
    """Learn from a text."""

    text: str | None = None
    """Path."""
    steps: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """How many."""
    source: Annotated[str | None, tyro.conf.arg(name="from")] = None
    """Where from."""
    shape: tyro.conf.OmitArgPrefixes[Shape] = field(default_factory=Shape)
    profile: bool = False
    """Times."""


@dataclass(frozen=True)
class Show:
    """Show some tokens."""

    model: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="MODEL")]]
    """Folder."""
    step: tyro.conf.Positional[Annotated[int, tyro.conf.arg(metavar="STEP")]] = 1
    """Which."""
    method: Literal["pca", "tsne"] = "pca"
    """How."""


@dataclass(frozen=True)
class Merge:
    """Put two together."""

    first: tyro.conf.Positional[str]
    """One, of which far more is said here than any frame of a parser has room for in a single line of eighty."""
    second: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="OTHER")]]
    """Another."""
    out: Path
    """Where to."""
    how: Literal["by a sum", "by a mean"]
    """How."""
    scale: float = 1.0
    """By how much."""


COMMANDS = {"train": Train, "show": Show, "merge": Merge}
BARE = {"train": "to learn from a text: --text {word}"}


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ("train", Train()),
        ("train --steps 3 --from x --width=4 --profile", Train(None, 3, "x", Shape(4), True)),
        ("train --no-profile --text -", Train("-")),
        ("show m", Show("m")),
        ("show m 3 --method tsne", Show("m", 3, "tsne")),
        ("show --method tsne m -3", Show("m", -3, "tsne")),
    ],
)
def test_what_is_typed_right_is_read(arguments, settings):
    assert parsed("prog", "A program.", COMMANDS, arguments.split(), bare=BARE) == settings


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("", "wanted one of the commands train, show, merge, got none; prog --help lists all"),
        ("traim", "wanted one of the commands train, show, merge, got 'traim'; did you mean train?"),
        ("--steps 3", "wanted one of the commands train, show, merge, got '--steps'; prog --help lists all"),
        ("train book.txt", "wanted options, got 'book.txt'; to learn from a text: --text book.txt"),
        ("train --steps 3 book.txt", "wanted options, got 'book.txt'; to learn from a text: --text book.txt"),
        ("train --step 3", "wanted an option of prog train, got --step; did you mean --steps?"),
        ("train --frobnicate", "wanted an option of prog train, got --frobnicate; prog train --help lists all"),
        ("train --steps ten", "--steps: wanted a whole number, got 'ten'; leave --steps out for the default"),
        ("train --width=wide", "--width: wanted a whole number, got 'wide'; leave --width out for the default"),
        ("train --from", "wanted a value after --from, got none; write --from VALUE"),
        ("train --from --steps 3", "wanted a value after --from, got none; a value that begins with a dash is written "
         "--from=--steps"),
        ("show m --method tsen", "--method: wanted one of pca, tsne, got 'tsen'; did you mean tsne?"),
        ("show", "wanted MODEL, got none; usage: prog show MODEL [STEP] [options]"),
        ("merge a", "wanted OTHER and --out and --how, got none; usage: prog merge FIRST OTHER --out OUT --how HOW "
         "[options]"),
        ("show m 1 x", "Unrecognized options: x; prog show --help lists all"),
        ("show m one", "Error parsing STEP: invalid literal for int() with base 10: 'one'; prog show --help lists all"),
    ],
)  # fmt: skip
def test_slips_are_one_line_that_says_what_to_type(arguments, line, capsys):
    with pytest.raises(ValueError, match=" ") as caught:
        parsed("prog", "A program.", COMMANDS, arguments.split(), bare=BARE)
    assert str(caught.value) == line
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["usage: prog", "A program.", "train", "show", "Show some tokens"]),
        (["train", "--help"], ["usage: prog train", "Learn from a text", "--steps N"]),
        (["train", "--stepp", "-h"], ["usage: prog train"]),
    ],
)
def test_help_is_answered(arguments, words, capsys):
    with pytest.raises(SystemExit, match="0"):
        parsed("prog", "A program.", COMMANDS, arguments)
    out = capsys.readouterr().out
    assert all(word in out for word in words)


@dataclass(frozen=True)
class Told:
    """A description of many words, far more of them than any terminal has room for in a single line, and one more.

    A second paragraph of many words, far more of them than any terminal has room for in a single line as well."""

    steps: int = 1


@pytest.mark.parametrize("arguments", [["--help"], ["tell", "--help"]])
def test_help_fits_the_terminal(arguments, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    for commands in ({"tell": Told}, {"": Told, "tell": Told}):
        with pytest.raises(SystemExit, match="0"):
            parsed("prog", "A program " * 20, commands, arguments)
        said = capsys.readouterr().out
        assert "A second paragraph" in said or "A program" in said
        assert max(map(len, said.splitlines())) <= 60


@dataclass(frozen=True)
class Broken:
    """A command."""

    steps: int = 1
    """Of these many words the first line ends in the middle
    of a sentence, and the second begins
    (with a bracket)."""


def test_help_breaks_lines_at_the_terminal_and_not_where_docstrings_do(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit, match="0"):
        parsed("prog", None, Broken, ["--help"])
    said = capsys.readouterr().out
    assert "line ends in the middle of a sentence, and the second begins (with a bracket). (default: 1)" in said


def test_help_without_a_standard_output_is_answered(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(SystemExit, match="0"):
        parsed("prog", "A program.", COMMANDS, ["--help"])


def test_a_program_may_be_one_command(capsys):
    assert parsed("train", None, Train, ["--steps", "3"]) == Train(steps=3)
    with pytest.raises(ValueError, match=r"^wanted options, got 'x'; try --text x$"):
        parsed("train", None, Train, ["x"], bare="try --text {word}")
    with pytest.raises(ValueError, match=r"^wanted an option of train, got --stepz; did you mean --steps\?$"):
        parsed("train", None, Train, ["--stepz", "x"])
    with pytest.raises(SystemExit, match="0"):
        parsed("train", None, Train, ["--help"])
    assert "usage: train" in capsys.readouterr().out


def test_a_program_may_have_a_command_without_a_name(capsys):
    commands: dict[str, Any] = {"": Train, "show": Show}
    assert parsed("prog", None, commands, []) == Train()
    assert parsed("prog", None, commands, ["--steps", "3"]) == Train(steps=3)
    assert parsed("prog", None, commands, ["show", "m"]) == Show("m")
    with pytest.raises(ValueError, match=r"^wanted options, got 'shows'; did you mean show\?$"):
        parsed("prog", None, commands, ["shows", "m"])
    with pytest.raises(ValueError, match=r"^wanted options, got 'book'; prog --help lists all$"):
        parsed("prog", None, commands, ["book"])


def test_the_arguments_are_those_of_the_process_if_none_are_given(monkeypatch, tmp_path: Path):
    monkeypatch.setattr("sys.argv", ["prog", "train", "--text", str(tmp_path)])
    assert parsed("prog", "A program.", COMMANDS) == Train(str(tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize(("value", "colored"), [("", True), ("1", False)])
def test_help_has_no_color_where_nobody_wants_it(value, colored):
    import pty

    program = (
        "import dataclasses, os, workbench\n"
        "@dataclasses.dataclass\nclass S:\n    'A thing.'\n    n: int = 1\n"
        "for words in (['--help'], ['a', '--help']):\n"
        "    try: workbench.parsed('x', None, {'a': S}, words)\n    except SystemExit: pass\n"
        "assert os.environ['TERM'] == 'xterm'"
    )
    outer, inner = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": value}
    subprocess.run([sys.executable, "-c", program], stdout=inner, env=environment, check=True)
    os.close(inner)
    said = b""
    with suppress(OSError):  # the end, on Linux
        while part := os.read(outer, 65536):
            said += part
    os.close(outer)
    assert said.count(b"usage") == 2
    assert (b"\x1b[" in said) == colored


class Collected:
    pass


class SlowToStart(threading.Timer):
    """A timer that has rung before its starter goes on, the first `slow` times."""

    slow = 0

    def start(self) -> None:
        super().start()
        if self.slow:
            SlowToStart.slow -= 1
            time.sleep(0.2)


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process at once by SIGTERM")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("kind", ["weak reference", "import", "__del__", "busy machine"])
def test_a_stop_that_falls_into_a_callback_is_not_lost(monkeypatch, number, code, kind):
    """Python drops exceptions there; an import has one for the lock of its module."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    if kind == "busy machine":
        monkeypatch.setattr(threading, "Timer", SlowToStart)
        monkeypatch.setattr(SlowToStart, "slow", 2)

    def press(*_: object) -> None:
        signal.raise_signal(number)

    def work() -> None:
        if kind in ("weak reference", "busy machine"):
            one = Collected()
            reference = weakref.ref(one, press)  # noqa: F841
            del one
        elif kind == "__del__":
            monkeypatch.setattr(Collected, "__del__", press, raising=False)
            Collected()
            monkeypatch.delattr(Collected, "__del__")
        else:
            sys.setprofile(lambda frame, event, _: in_lock(frame))
            sys.modules.pop("this_is_missing", None)
            with contextlib.suppress(ImportError):
                __import__("this_is_missing")
        time.sleep(5)

    def in_lock(frame):
        if frame.f_code.co_name == "cb" and "importlib" in frame.f_code.co_filename:
            sys.setprofile(None)
            press()

    began = time.monotonic()
    try:
        assert answered("prog", work) == code
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - began < 4
