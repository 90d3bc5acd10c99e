"""Claims about progress, with and without a terminal."""

import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios

import pytest
from tensorboard.summary.writer import event_file_writer

from trainkit import progress


@pytest.fixture(autouse=True)
def files_in_order(monkeypatch):
    """TensorBoard reads files by name; of those made within a second, the 10th would come before the 9th."""
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(0))


def test_without_a_terminal_progress_writes_plain_lines(make_steps, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    steps = make_steps(2, 8)
    assert list(progress(steps, total=8, start=2, unit="tokens", describe=lambda: "validation 1.23")) == steps
    first, last = stream.getvalue().splitlines()
    assert re.fullmatch(r"step 3/8  loss 0.3333  validation 1.23  [\d,]+ tokens/s  rate 1.00e-01  \d+ s left", first)
    assert last.startswith("step 8/8  loss 0.1250")


def read_or_nothing(descriptor):
    try:
        return os.read(descriptor, 10_000)
    except BlockingIOError:
        return b""


def shown_on_terminal(columns, steps, monkeypatch, **settings):
    """What a pseudo-terminal of that width gets, frame by frame, and how wide each is."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.set_blocking(master, False)
    shown = b""
    with open(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.delenv("COLUMNS", raising=False)
        for _ in progress(steps, total=8, start=2, **settings):
            shown += b"".join(iter(lambda: read_or_nothing(master), b""))
        shown += b"".join(iter(lambda: read_or_nothing(master), b""))
    os.close(master)
    return [frame for frame in re.split(r"[\r\n]+", shown.decode()) if frame.strip()]


BAR = re.compile(r"(?:\s*\d+%)?\|(?P<bar>[^|]*)\| \d/8 .*")
LOSS, SAID, SPEED, RATE = (
    r"loss \d\.\d{4}",
    r"validation 0\.0456",
    r"[\d.,]+[kM]?(?: images)?/s",
    r"rate \d\.\d\de-\d\d",
)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (60, [LOSS, SAID]),
        (80, [LOSS, SAID, f"({SPEED}  )?{RATE}"]),
        (120, [LOSS, SAID, SPEED, RATE]),
        (200, [LOSS, SAID, SPEED, RATE]),
    ],
)
def test_a_bar_has_room_and_its_words_are_whole(columns, words, make_steps, monkeypatch):
    """Looked at after the first evaluation, when the caller's words have come."""
    monkeypatch.setattr("tqdm.std.tqdm.monitor_interval", 0)
    frames = shown_on_terminal(
        columns, make_steps(2, 8), monkeypatch, unit="images", describe=lambda: "validation 0.0456"
    )
    assert all(len(frame) <= columns for frame in frames)
    last = frames[-1]
    assert len(BAR.fullmatch(last)["bar"]) >= 8, last
    assert re.search("  ".join(words) + "$", last.rstrip()), last


@pytest.mark.parametrize("columns", [5, 10, 30, 45, 70, 100])
def test_no_width_breaks_a_word_or_the_line(columns, make_steps, monkeypatch):
    for said in ("", "validation {1.5}", "a caller who has much to say about its validation loss and more"):
        frames = shown_on_terminal(columns, make_steps(2, 8), monkeypatch, describe=lambda said=said: said)
        assert all(len(frame) <= columns for frame in frames), frames
        if columns > 40:
            assert re.search(
                r"(loss 0\.1250|rate \d\.\d\de-\d\d|" + re.escape(said or "/s") + r")$", frames[-1].rstrip()
            )


def test_a_terminal_whose_other_end_is_closed_ends_no_training(make_steps, monkeypatch):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    monkeypatch.setattr("tqdm.std.tqdm.monitor_interval", 0)
    with open(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        steps = progress(make_steps(2, 8), total=8, start=2)
        next(steps)
        os.close(master)
        assert len(list(steps)) == 5


class Unwritable(io.StringIO):
    def write(self, text):
        raise OSError(28, "No space left on device")

    flush = close = lambda self: None


@pytest.mark.parametrize("stream", [None, Unwritable(), open(os.devnull)])  # noqa: SIM115  a test's whole life
def test_lines_that_cannot_be_written_end_no_training(stream, make_steps, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    assert len(list(progress(make_steps(2, 8), total=8, start=2))) == 6
