"""SIGKILL at any moment, then resume: the same bytes as an unbroken run, however it is trained.

Every process is forked from a server that has imported torch already: what is tried is the command, not its imports.
"""

import json
import os
import random
import signal
import socket
from pathlib import Path

import pytest

import gpt2
from gpt2 import GPT2, GPT2Config

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills and forks as POSIX does")

SCRIPT = Path(__file__).with_name("forked_command.py")
TINY = ["--recipe", "tiny", "--steps", "60", "--batch-size", "4", "--save-every", "4", "--evaluate-every", "30"]
TUNED = [*TINY[2:], "--micro-batch-size", "3"]


@pytest.fixture(scope="module")
def train(fork):
    """A function that starts `gpt2 train ARGUMENTS`, in so many processes: a list of them."""

    def start(arguments, processes=1, **variables):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            meeting = {
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(free.getsockname()[1]),
                "GLOO_SOCKET_IFNAME": "lo",
            }
        started = []
        for rank in range(processes):
            place = {} if processes == 1 else {"RANK": str(rank), "WORLD_SIZE": str(processes), **meeting}
            started.append(fork(SCRIPT, json.dumps({**place, **variables}), "train", *arguments))
        return started

    return start


def finish(processes) -> str:
    """Let processes come to their end, which must be a good one; what the first said. A hang takes ten minutes: on a
    busy machine a step compiles for two."""
    for process in processes:
        process.join(600)
        assert process.exitcode == 0, process.said.read_text()
    return processes[0].said.read_text()


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


def checkpoints(out: Path) -> set[str]:
    return {path.name for path in (out / "checkpoints").glob("step-*")}


@pytest.fixture(scope="module")
def unbroken(train, text_file, tmp_path_factory) -> bytes:
    out = tmp_path_factory.mktemp("unbroken") / "run"
    finish(train(["--text", text_file, "--out", out, *TINY]))
    return weights(out)


def kill_and_resume(train, start: list, out: Path, kills: int, draw: random.Random, **how) -> int:
    """SIGKILL a run up to `kills` times and let the last resumption finish; how many of them hit a living process.

    Two of three kills come soon after the run got one checkpoint further, others at any moment from its start on."""
    killed = 0

    def go_on():
        return train(["--resume", out] if (out / "run.json").exists() else start, **how)

    while killed < kills:
        before, processes = checkpoints(out), go_on()
        victim, further = draw.choice(processes), draw.random() < 2 / 3
        while further and victim.is_alive() and checkpoints(out) == before:
            victim.join(0.002)
        victim.join(draw.uniform(0.0, 0.1))
        victim.kill()
        victim.join()
        if victim.exitcode == 0:
            break
        assert victim.exitcode == -signal.SIGKILL, victim.said.read_text()
        killed += 1
        for other in processes:  # as torchrun's agent does
            other.kill()
            other.join()
    finish(go_on())
    return killed


@pytest.mark.parametrize("where", ["/dev/full", "left"])
def test_output_that_nobody_takes_changes_no_bit(train, text_file, tmp_path, unbroken, where):
    """`train >/dev/full 2>/dev/full`, and with both in a pipe whose reader is gone."""
    if where == "/dev/full" and not Path(where).exists():
        pytest.skip("needs /dev/full")
    out = tmp_path / "run"
    assert finish(train(["--text", text_file, "--out", out, *TINY], SAY_TO=where)) == ""
    assert weights(out) == unbroken


@pytest.mark.parametrize("where", [None, "left"], ids=["a log", "its terminal"])
def test_a_hangup_saves_the_step_it_came_in_and_resuming_ends_in_the_same_bits(
    train, text_file, tmp_path, unbroken, where
):
    """SIGHUP, as a closed terminal sends it; nothing can be written there any more either."""
    out, said = tmp_path / "run", {} if where is None else {"SAY_TO": where}
    [process] = train(["--text", text_file, "--out", out, *TINY, "--save-every", "1000", "--log-every", "1"], **said)
    lines = out / "metrics.jsonl"
    while not (lines.exists() and lines.read_bytes().count(b"\n") >= 3):
        assert process.is_alive(), process.said.read_text()
    os.kill(process.pid, signal.SIGHUP)
    process.join(120)
    assert process.exitcode == 129, process.said.read_text()
    taken = [json.loads(line)["step"] for line in lines.read_text().splitlines()]
    assert checkpoints(out) == {f"step-{max(taken):06d}"}, "not a step is lost"
    finish(train(["--resume", out]))
    assert weights(out) == unbroken


def test_killed_three_times_and_resumed_equals_unbroken(train, text_file, tmp_path, unbroken):
    out = tmp_path / "run"
    start = ["--text", text_file, "--out", out, *TINY]
    assert kill_and_resume(train, start, out, 3, random.Random(0)) >= 2
    assert weights(out) == unbroken


VARIANTS = {
    "muon": (25, TINY, {}),
    "one worker reads": (15, TINY, {"READ_BY": "1"}),
    "four workers read": (15, TINY, {"READ_BY": "4"}),
    "accumulation": (25, [*TINY, "--micro-batch-size", "3"], {}),
    "adamw, dropout, from a model": (35, TUNED, {}),
    "medium": (10, [*TINY, "--precision", "medium"], {}),
    "bfloat16": (10, [*TINY, "--precision", "bfloat16"], {}),
    "compiled": (10, [*TUNED, "--compile", "on"], {}),
    "two processes": (15, TINY, {"processes": 2}),
    "two processes, compiled": (5, [*TINY, "--compile", "on", "--precision", "bfloat16"], {"processes": 2}),
    "three processes": (10, TINY, {"processes": 3}),
    "two processes, sharded": (25, [*TINY, "--shard"], {"processes": 2}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_killed_two_hundred_times_and_resumed_equals_unbroken(train, text_file, tokenizer, tmp_path, name):
    """Two hundred over all the variants."""
    kills, arguments, how = VARIANTS[name]
    if "--recipe" not in arguments:
        shape = GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=32, n_embd=32, n_head=2, n_layer=2, dropout=0.1)
        gpt2.save(tmp_path / "source", GPT2(shape), tokenizer)
        arguments = [*arguments, "--from", tmp_path / "source"]
    start, draw = ["--text", text_file, *arguments, "--out"], random.Random(0)
    finish(train([*start, tmp_path / "unbroken"], **how))
    killed = number = 0
    while killed < kills:
        out = tmp_path / str(number)
        killed += kill_and_resume(train, [*start, out], out, kills - killed, draw, **how)
        assert weights(out) == weights(tmp_path / "unbroken"), number
        number += 1
    print(f"{name}: {killed} kills of {number} runs")  # noqa: T201  what the session says of it: pytest -s


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_saves_says_how_to_go_on_and_loses_nothing(train, text_file, tmp_path, unbroken, number, code):
    out = tmp_path / "run"
    [process] = train(["--text", text_file, "--out", out, *TINY])
    while process.is_alive() and not checkpoints(out):
        process.join(0.002)
    os.kill(process.pid, getattr(signal, number))
    process.join(120)
    assert process.exitcode == code, process.said.read_text()
    assert f"--resume {out}" in process.said.read_text()
    finish(train(["--resume", out]))
    assert weights(out) == unbroken


def test_a_signal_to_one_process_stops_all_of_them(train, text_file, tmp_path):
    """And the runs of two processes equal each other, stopped or not."""
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    finish(train(["--text", text_file, "--out", whole, *TINY], processes=2))
    processes = train(["--text", text_file, "--out", stopped, *TINY], processes=2)
    while processes[0].is_alive() and not checkpoints(stopped):
        processes[0].join(0.002)
    os.kill(processes[1].pid, signal.SIGTERM)
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 143], [p.said.read_text() for p in processes]
    assert f"--resume {stopped}" in processes[0].said.read_text()
    finish(train(["--resume", stopped], processes=2))
    assert weights(stopped) == weights(whole)
