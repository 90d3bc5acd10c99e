"""SIGKILL at any moment, then resume: the same bytes as an unbroken run, whatever is learned and by which method.

Every process is forked from a server that has imported torch already: what is tried is the command, not its imports.
"""

import multiprocessing
import random
import runpy
import signal
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills and forks as POSIX does")

SCRIPT = Path(__file__).with_name("forked_command.py")
TINY = ["--steps", "24", "--batch-size", "4", "--save-every", "2", "--evaluate-every", "12", "--device", "cpu"]
DATA = {"tune": "data", "classify": "labeled", "prefer": "pairs", "reinforce": "tasks", "distill": "data"}
METHODS = ["lora", "dora", "full", "last:1"]
KILLS = {method: ["--method", method] for method in METHODS}
KILLS["lora"] += ["--dropout", "0.2", "--micro-batch-size", "3"]


@pytest.fixture(scope="module")
def fork(tmp_path_factory):
    """A function that starts `finetuning ARGUMENTS` in a process; `said` of it is the file of what it says."""
    context, folder, started = multiprocessing.get_context("forkserver"), tmp_path_factory.mktemp("said"), []
    ours = ["finetuning.commands.main", "finetuning.classifying.run", "finetuning.preferring.run", "finetuning.judging"]
    ours += ["finetuning.reinforcing.run", "finetuning.distilling.run"]
    context.set_forkserver_preload([*ours, "torch.utils.tensorboard", "torch._dynamo"])  # slow to import

    def start(*arguments):
        said = folder / str(len(started))
        own, sys.argv = sys.argv, [str(SCRIPT), str(said), *map(str, arguments)]
        try:
            process = context.Process(target=runpy.run_path, args=(str(SCRIPT),), kwargs={"run_name": "__main__"})
            process.start()
        finally:
            sys.argv = own
        process.said = said
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.join()


def finish(process) -> str:
    process.join(300)
    assert process.exitcode == 0, process.said.read_text()
    return process.said.read_text()


def result(out: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(out)): path.read_bytes() for path in out.glob("*/*.safetensors")}
    assert found
    return found


def kill_and_resume(fork, command: str, arguments: list, out: Path, kills: int, draw: random.Random) -> int:
    """SIGKILL a run up to `kills` times and let the last resumption finish; how many of them hit a living process.

    Two of three kills come soon after the run got one checkpoint further, others at any moment from its start on."""
    killed = 0

    def checkpoints():
        return {path.name for path in (out / "checkpoints").glob("step-*")}

    def go_on():
        resumed = ["--resume", out, "--device", "cpu"]
        return fork(command, *(resumed if (out / "run.json").exists() else [*arguments, "--out", out]))

    while killed < kills:
        before, process, further = checkpoints(), go_on(), draw.random() < 2 / 3
        while further and process.is_alive() and checkpoints() == before:
            process.join(0.002)
        process.join(draw.uniform(0.0, 0.1))
        process.kill()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL, process.said.read_text()
        killed += 1
    finish(go_on())
    return killed


@pytest.fixture
def tasks():
    return "tasks:copy,sort:60"


def own(command: str, folder: Path) -> list:
    """What a command needs besides."""
    reinforce = ["--group", "3", "--updates", "3", "--kl", "0.1", "--max-new-tokens", "4"]
    return {"reinforce": reinforce, "distill": ["--teacher", folder]}.get(command, [])


@pytest.mark.parametrize("command", ["tune", "reinforce"])  # the others too, twenty times, where it is slow
def test_killed_twice_and_resumed_equals_unbroken(fork, folder, tmp_path, request, command):
    arguments = [folder, "--data", request.getfixturevalue(DATA[command]), *TINY, *KILLS["lora"], *own(command, folder)]
    told = finish(fork(command, *arguments, "--out", tmp_path / "unbroken"))
    assert "Forgotten: " in told
    killed = kill_and_resume(fork, command, arguments, tmp_path / "killed", 2, random.Random(0))
    assert killed >= 1
    assert result(tmp_path / "killed") == result(tmp_path / "unbroken")


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("command", DATA)
def test_killed_twenty_times_and_resumed_equals_unbroken(fork, folder, tmp_path, request, command, method):
    arguments = [folder, "--data", request.getfixturevalue(DATA[command]), *TINY, *KILLS[method], *own(command, folder)]
    finish(fork(command, *arguments, "--out", tmp_path / "unbroken"))
    killed = number = 0
    draw = random.Random(0)
    while killed < 20:
        out = tmp_path / str(number)
        killed += kill_and_resume(fork, command, arguments, out, 20 - killed, draw)
        assert result(out) == result(tmp_path / "unbroken"), number
        number += 1
    print(f"{command}, {method}: {killed} kills of {number} runs")  # noqa: T201  what is told of it: pytest -s
