"""Sessions that run two at a time keep their outputs whole, stop none of the others, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "pairs.py"
NOXFILE = """
import time, nox
nox.options.default_venv_backend = "none"

def define(name, body):
    nox.session(name=name)(body)

def slow(session):
    print("slow begins", flush=True)
    time.sleep(4)
    print("slow ends", flush=True)

def broken(session):
    session.error("broken as asked: " + " ".join(session.posargs))

def endless(session):
    session.run("python", "-c", "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(100)")

for body in (slow, broken, endless):
    define(body.__name__, body)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "noxfile.py").write_text(NOXFILE, "utf-8")
    return tmp_path


def pairs(folder: Path, *arguments: str) -> tuple[int, list[str]]:
    run = subprocess.run([sys.executable, SCRIPT, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return run.returncode, run.stdout.splitlines()


def test_two_run_beside_each_other_and_each_tells_its_story_whole(folder: Path) -> None:
    status, lines = pairs(folder, "--at-a-time=2", "slow", "broken", "--", "a", "b")
    assert status == 1
    assert lines[0] == "pairs > Running 2 sessions, 2 at a time"
    assert "nox > Session broken aborted: broken as asked: a b." in lines
    assert lines[lines.index("slow begins") + 1] == "slow ends"
    assert lines.index("pairs > FAILED: broken") < lines.index("slow begins")
    assert lines[-2].startswith("pairs > slow took ")
    assert lines[-2].endswith(" s beside broken")
    assert lines[-1] == "pairs > 2 sessions, 1 failed: broken"


def test_one_at_a_time_runs_beside_nothing(folder: Path) -> None:
    status, lines = pairs(folder, "--at-a-time=1", "slow")
    assert status == 0
    assert not [line for line in lines if " beside " in line]


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
@pytest.mark.parametrize("killed", ["pairs", "its parent"])
def test_a_stop_ends_what_the_sessions_have_started(folder: Path, killed: str) -> None:
    command = [sys.executable, str(SCRIPT), "endless"]
    if killed == "its parent":
        command = [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])", *command]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    while not ((folder / "pid").exists() and (folder / "pid").read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    if killed == "its parent":
        process.kill()
        process.wait()
    else:
        process.terminate()
        assert process.wait(timeout=20) == 128 + signal.SIGTERM
    started = int((folder / "pid").read_text())
    for _ in range(200):
        if not runs(started):
            return
        time.sleep(0.1)
    raise AssertionError(f"process {started} still runs")


def runs(pid: int) -> bool:
    """Whether a process is at work: one that has ended may still be listed until somebody asks for its exit code."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
