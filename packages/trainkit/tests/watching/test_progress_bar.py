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


def test_on_a_terminal_progress_is_a_bar(make_steps, monkeypatch):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 150, 0, 0))
    with open(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert len(list(progress(make_steps(2, 8), total=8, start=2, unit="tokens"))) == 6
        os.set_blocking(master, False)
        shown = b"".join(iter(lambda: read_or_nothing(master), b"")).decode()
    os.close(master)
    assert "8/8" in shown
    assert "\r" in shown
    assert re.search(r"loss 0.1250.*tokens/s", shown)
