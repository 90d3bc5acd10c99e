"""SIGKILL at any moment, then resume: the same bytes as an unbroken run.

Every process is forked from a server that has imported torch already: what is tried is the command, not its imports.
"""

import os
import random
import signal
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills and forks as POSIX does")

SCRIPT = Path(__file__).with_name("forked_command.py")
ARGUMENTS = ["--recipe", "tiny", "--steps", "60", "--batch-size", "4", "--save-every", "4", "--evaluate-every", "30"]


@pytest.fixture(scope="module")
def train(fork):
    """A function that starts `gpt2 train ARGUMENTS`."""
    return lambda *arguments: fork(SCRIPT, "train", *arguments)


def finish(process) -> str:
    """Let a process come to its end, which must be a good one; what it said."""
    process.join(120)
    assert process.exitcode == 0, process.said.read_text()
    return process.said.read_text()


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


def checkpoints(out: Path) -> set[str]:
    return {path.name for path in (out / "checkpoints").glob("step-*")}


@pytest.fixture(scope="module")
def unbroken(train, text_file, tmp_path_factory) -> bytes:
    out = tmp_path_factory.mktemp("unbroken") / "run"
    finish(train("--text", text_file, "--out", out, *ARGUMENTS))
    return weights(out)


def kill_and_resume(train, start: list, out: Path, kills: int) -> int:
    """SIGKILL a run up to `kills` times, each soon after it got one checkpoint further, and let the last resumption
    finish; how many of them hit a living process."""
    draw, killed = random.Random(0), 0
    for _ in range(kills):
        # From the moment its folder appears a run can be resumed; the delay lands in steps, evaluations or checkpoints.
        before, process = checkpoints(out), train(*start)
        while process.is_alive() and checkpoints(out) == before:
            process.join(0.002)
        process.join(draw.uniform(0.0, 0.1))
        process.kill()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL), process.said.read_text()
        killed += process.exitcode != 0
        start = ["--resume", out]
        if process.exitcode == 0:
            break
    finish(train("--resume", out))
    return killed


def test_killed_three_times_and_resumed_equals_unbroken(train, text_file, tmp_path, unbroken):
    out = tmp_path / "run"
    killed = kill_and_resume(train, ["--text", text_file, "--out", out, *ARGUMENTS], out, kills=3)
    assert killed >= 2
    assert weights(out) == unbroken


@pytest.mark.slow
def test_killed_two_hundred_times_and_resumed_equals_unbroken(train, text_file, tmp_path, unbroken):
    killed = number = 0
    while killed < 200:
        out = tmp_path / str(number)
        killed += kill_and_resume(train, ["--text", text_file, "--out", out, *ARGUMENTS], out, kills=200 - killed)
        assert weights(out) == unbroken, number
        number += 1


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_saves_says_how_to_go_on_and_loses_nothing(train, text_file, tmp_path, unbroken, number, code):
    out = tmp_path / "run"
    process = train("--text", text_file, "--out", out, *ARGUMENTS)
    while process.is_alive() and not checkpoints(out):
        process.join(0.002)
    os.kill(process.pid, getattr(signal, number))
    process.join(120)
    assert process.exitcode == code, process.said.read_text()
    assert f"--resume {out}" in process.said.read_text()
    finish(train("--resume", out))
    assert weights(out) == unbroken
