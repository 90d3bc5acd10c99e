"""SIGKILL at any moment, then resume: the same bytes as an unbroken run."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ARGUMENTS = ["--recipe", "tiny", "--steps", "60", "--batch-size", "4", "--save-every", "4", "--evaluate-every", "30"]


def train(*arguments: object) -> subprocess.Popen:
    command = [sys.executable, "-m", "gpt2", "train", *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


def kill_when(process: subprocess.Popen, ready, delay: float) -> bool:
    """SIGKILL `delay` seconds after `ready()`; False if the process ended before."""
    while process.poll() is None and not ready():
        time.sleep(0.01)
    time.sleep(delay)
    alive = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return alive


@pytest.fixture(scope="module")
def unbroken(text_file, tmp_path_factory) -> bytes:
    out = tmp_path_factory.mktemp("unbroken") / "run"
    process = train("--text", text_file, "--out", out, *ARGUMENTS)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return weights(out)


def test_killed_three_times_and_resumed_equals_unbroken(text_file, tmp_path, unbroken):
    out, draw = tmp_path / "run", random.Random()
    arguments, killed = ["--text", text_file, "--out", out, *ARGUMENTS], 0
    for _ in range(3):
        # From the moment its folder appears a run can be resumed; the delay lands in steps, evaluations or checkpoints.
        before = {path.name for path in (out / "checkpoints").glob("step-*")}
        process = train(*arguments)

        def moved(before=before) -> bool:
            return {path.name for path in (out / "checkpoints").glob("step-*")} != before

        killed += kill_when(process, moved, draw.uniform(0.0, 0.4))
        arguments = ["--resume", out]
    process = train("--resume", out)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert weights(out) == unbroken
    assert killed >= 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_says_how_to_go_on_and_loses_nothing(text_file, tmp_path, unbroken, number, code):
    out = tmp_path / "run"
    process = train("--text", text_file, "--out", out, *ARGUMENTS)
    while process.poll() is None and not list((out / "checkpoints").glob("step-*")):
        time.sleep(0.01)
    process.send_signal(number)
    output, errors = process.communicate()
    assert process.returncode == code, errors
    assert f"--resume {out}" in output
    resumed = train("--resume", out)
    resumed.communicate()
    assert resumed.returncode == 0
    assert weights(out) == unbroken
