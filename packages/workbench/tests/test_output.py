"""Output is lost rather than in the way of work: whatever becomes of the streams, the work ends as it would have."""

import io
import os
import pty
import signal
import sys

import pytest

from workbench import PlainLines, Unfailing, counted, shown, unfailing_output, watched

WORK = """
import sys, time
from workbench import PlainLines, counted, shown, unfailing_output
import workbench.counting
workbench.counting.EVERY = 0.0
STREAMS = {"closed": lambda: (sys.stdout.close(), sys.stderr.close()), "none": lambda: None, "plain": lambda: None}
STREAMS[sys.argv[1]]()
if sys.argv[1] == "none":
    sys.stdout = sys.stderr = None
with unfailing_output():
    for number in counted(range(300), 300):
        print("step", number, "\\u2588 \\u4e16", flush=True)
    with shown("prog", "more") as progress:
        for done in range(3):
            progress(done, 2)
open("done", "w").write("done")
"""


def finished(process, folder):
    process.communicate(timeout=60)
    return process.returncode, (folder / "done").is_file()


@pytest.mark.parametrize("streams", ["closed", "none"])
def test_work_goes_on_without_streams(streams, python, tmp_path):
    assert finished(python(WORK, streams), tmp_path) == (0, True)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1:strict"])
def test_characters_that_an_encoding_lacks_are_escaped(encoding, python, tmp_path):
    process = python(WORK, "plain", PYTHONIOENCODING=encoding)
    out = process.communicate(timeout=60)[0]
    assert (process.returncode, (tmp_path / "done").is_file()) == (0, True)
    assert out.splitlines()[-1] == "step 299 \\u2588 \\u4e16"


@pytest.mark.parametrize("where", ["full", "pipe", "read-only"])
def test_work_goes_on_when_nobody_can_take_its_words(where, tmp_path):
    """Both streams of a process: a full disk, a pipe whose reader left, a descriptor that cannot be written."""
    if where == "full" and not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    reader, writer = os.pipe()
    os.close(reader)
    descriptor = {"full": lambda: os.open("/dev/full", os.O_WRONLY), "pipe": lambda: writer}.get(
        where, lambda: os.open(os.devnull, os.O_RDONLY)
    )()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("PYTHONUNBUFFERED", None)  # what is buffered is flushed on the way out
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", f"import os; os.chdir({str(tmp_path)!r})\n{WORK}", "plain"],
        environment,
        file_actions=[(os.POSIX_SPAWN_DUP2, descriptor, 1), (os.POSIX_SPAWN_DUP2, descriptor, 2)],
    )
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (tmp_path / "done").is_file()


def test_a_closed_terminal_takes_a_bar_with_it(monkeypatch):
    master, slave = pty.openpty()
    monkeypatch.setenv("COLUMNS", "80")
    with open(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert watched()
        steps = counted(range(5), 5)
        assert next(steps) == 0
        os.close(master)
        assert list(steps) == [1, 2, 3, 4]


class Broken(io.StringIO):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text=""):
        raise self.error

    flush = write


@pytest.mark.parametrize("error", [OSError(28, "full"), BrokenPipeError(32, "gone"), ValueError("closed file")])
def test_counting_survives_a_stream_that_raises(error, monkeypatch):
    monkeypatch.setattr("workbench.counting.EVERY", 0.0)
    monkeypatch.setattr(sys, "stderr", Broken(error))
    assert list(counted("abc", 3)) == ["a", "b", "c"]
    PlainLines(1, at_ends=True).tell(1, lambda left: "one")
    with shown("prog", "what") as progress:
        progress(0, 1)


def test_only_what_cannot_be_written_is_lost(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    with unfailing_output():
        sys.stdout.write("heard\n")
        with unfailing_output():
            sys.stdout.write("twice wrapped\n")
    assert stream.getvalue() == "heard\ntwice wrapped\n"
    assert sys.stdout is stream
    monkeypatch.setattr(stream, "write", lambda text: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt), unfailing_output():
        sys.stdout.write("an interrupt is not lost")
    assert Unfailing("stdout").encoding == "utf-8"
