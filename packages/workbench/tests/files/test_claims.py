"""Folders and files of one process at a time."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workbench import Hold, InUse, claimed_folder, hold, is_vacant
from workbench.files import claims

HOLDER = "import sys, time, workbench; kept = workbench.hold(sys.argv[1]); print('held', flush=True); time.sleep(60)"


@pytest.fixture
def start():
    """Start a process that holds a path and sleeps; all are ended."""
    running = []

    def started(path: Path) -> subprocess.Popen:
        process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield started
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def test_folders_are_numbered_and_those_that_are_there_are_not_touched(tmp_path):
    (tmp_path / "runs" / "002").mkdir(parents=True)
    (tmp_path / "runs" / "003").touch()
    assert [claimed_folder(tmp_path / "runs").name for _ in range(3)] == ["001", "004", "005"]
    assert claimed_folder(tmp_path / "runs", "mnist-").name == "mnist-001"


def test_no_two_that_claim_at_once_get_the_same_folder(tmp_path, monkeypatch):
    kept, barrier = Path.iterdir, threading.Barrier(8)

    def iterdir(folder):
        names = list(kept(folder))
        barrier.wait(timeout=10)  # all have looked before one of them makes a folder
        return names

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with ThreadPoolExecutor(8) as pool:
        names = sorted(path.name for path in pool.map(lambda _: claimed_folder(tmp_path), range(8)))
    assert names == [f"{number:03d}" for number in range(1, 9)]


def test_a_second_process_is_told_who_holds_it(tmp_path, start):
    other = start(tmp_path)
    with pytest.raises(InUse, match=f"in use by process {other.pid}; wait") as refused:
        hold(tmp_path)
    assert refused.value.pid == other.pid
    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_dead_process_held_is_taken_over(tmp_path, start, by):
    other = start(tmp_path)
    other.send_signal(by)
    other.wait()
    with hold(tmp_path) as mine:
        assert mine.left_by == other.pid
        assert (tmp_path / ".lock").read_text().split()[0] == str(os.getpid())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [f"{os.getpid()} here\n", "1 here\n", "", "no number\n", "\xff" * 50])
def test_a_lock_file_that_nobody_holds_is_none_whatever_number_it_says(tmp_path, content):
    (tmp_path / ".lock").write_text(content)  # as after a power cut; the numbers are those of living processes
    with hold(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_of_many_that_take_over_at_once_one_gets_it(tmp_path, start):
    other = start(tmp_path)
    other.kill()
    other.wait()
    script = (
        "import sys, workbench\nprint('ready', flush=True); sys.stdin.readline()\n"
        "try:\n    kept = workbench.hold(sys.argv[1]); print('got', flush=True); sys.stdin.read()\n"
        "except workbench.InUse as error:\n    print(error.pid)"
    )
    words = [sys.executable, "-c", script, str(tmp_path)]
    many = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    assert [process.stdout.readline() for process in many] == ["ready\n"] * 6
    for process in many:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.stdout.readline().strip() for process in many]
    for process in many:
        process.communicate()
    first = said.index("got")
    assert [line for line in said if line != "got"] == [str(many[first].pid)] * 5


def test_a_file_is_held_before_it_is_there(tmp_path, start):
    other = start(tmp_path / "results.jsonl")
    with pytest.raises(InUse, match=rf"results.jsonl for this process alone, got it in use by process {other.pid}"):
        hold(tmp_path / "results.jsonl")
    hold(tmp_path / "others.jsonl").release()
    assert [path.name for path in tmp_path.iterdir()] == [".results.jsonl.lock"]


def test_two_parts_of_one_process_are_kept_apart_by_any_name_of_the_folder(tmp_path, start):
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "run")
    with hold(tmp_path / "run"):
        for name in ("run", "link", "run/../run"):
            with pytest.raises(InUse, match="this process") as refused:
                hold(tmp_path / name)
            assert refused.value.pid == os.getpid()
    start(tmp_path / "run")  # and those refusals did not give it away, nor keep it


def test_a_refusal_within_a_process_leaves_the_lock_of_the_first(tmp_path):
    script = "import sys, workbench\ntry: workbench.hold(sys.argv[1])\nexcept workbench.InUse as e: print(e.pid)"
    with hold(tmp_path):
        with pytest.raises(InUse):
            hold(tmp_path)
        said = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
        assert said.stdout.strip() == str(os.getpid())


def test_what_parts_of_a_process_share_is_held_until_the_last_lets_go(tmp_path, start):
    first = hold(tmp_path)
    second = hold(tmp_path, shared=True)
    first.release()
    with pytest.raises(InUse, match="this process"):
        hold(tmp_path)
    assert (tmp_path / ".lock").exists()
    second.release()
    other = start(tmp_path)
    with pytest.raises(InUse, match=f"process {other.pid}"):  # another process shares nothing
        hold(tmp_path, shared=True)


def test_a_hold_that_is_thrown_away_is_given_back(tmp_path):
    kept: list[Hold] = [hold(tmp_path)]
    kept.clear()
    gc.collect()
    mine = hold(tmp_path)
    mine.release()
    mine.release()
    assert list(tmp_path.iterdir()) == []


def test_waiting_says_so_once_and_gets_it_when_the_other_ends(tmp_path, start):
    other, told = start(tmp_path), []
    threading.Timer(0.5, other.kill).start()
    with hold(tmp_path, wait=True, waiting=told.append) as mine:
        assert mine.left_by == other.pid
    assert [said.pid for said in told] == [other.pid]


def _fork_and_release(kept: Hold) -> None:
    kept.release()


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_neither_holds_nor_gives_back_what_its_parent_does(tmp_path):
    with hold(tmp_path) as kept:
        child = multiprocessing.get_context("fork").Process(target=_fork_and_release, args=(kept,))
        child.start()
        child.join()
        assert child.exitcode == 0
        assert (tmp_path / ".lock").exists()
        script = "import sys, workbench\ntry: workbench.hold(sys.argv[1])\nexcept workbench.InUse as e: print(e.pid)"
        said = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
        assert said.stdout.strip() == str(os.getpid())


def test_where_there_are_no_locks_it_is_said(tmp_path, monkeypatch, caplog):
    def none(descriptor: int) -> None:
        raise OSError(claims.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(claims, "_lock", none)
    with hold(tmp_path):
        pass
    assert "no locks" in caplog.text


def test_a_folder_with_a_lock_is_vacant_and_one_with_more_is_not(tmp_path):
    with hold(tmp_path):
        assert is_vacant(tmp_path)
        (tmp_path / "run.json").touch()
        assert not is_vacant(tmp_path)


def test_a_folder_that_is_not_there_cannot_be_held(tmp_path):
    with pytest.raises(FileNotFoundError):
        hold(tmp_path / "none" / "file")
