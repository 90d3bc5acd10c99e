"""A sweep that is killed at any time loses no run, repeats none, and comes to the same numbers."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments import parse_plan, read_plan, read_results, sweep
from workbench import InUse, hold

ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}


def started(plan: Path, out: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "experiments", "run", str(plan), "--out", str(out), "--processes", "2"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ONE_THREAD)


def killed(plan: Path, out: Path, when: Callable[[], bool]) -> None:
    """Start the sweep, and kill it the moment that something is so, or let it end."""
    process = started(plan, out)
    while process.poll() is None and not when():
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()


def ended(plan: Path, out: Path) -> None:
    process = started(plan, out)
    said = process.communicate()[1].decode()
    assert process.returncode == 0, said


def numbers(folder: Path) -> dict[tuple[str, str, int], float]:
    results = read_results(folder)
    assert len({one.key for one in results}) == len(results), "a run was repeated"
    return {one.key: one.bits_per_byte for one in results}


def counted(folder: Path, pattern: str) -> int:
    return len(list(folder.glob(pattern)))


def test_killed_three_times_every_run_is_there_once_with_the_same_numbers(swept, tmp_path, plan_in):
    plan, out = plan_in(tmp_path), tmp_path / "out"
    killed(plan, out, lambda: counted(out, "runs/*/checkpoints/step-*") > 0)  # in the middle of a run
    killed(plan, out, lambda: counted(out, "done/*.json") > 1)
    before = [one.key for one in read_results(out)] if (out / "results.jsonl").exists() else []
    killed(plan, out, lambda: counted(out, "done/*.json") > 4)
    after = [one.key for one in read_results(out)]
    assert set(before) <= set(after), "what was done stays"
    ended(plan, out)
    assert numbers(out) == numbers(swept)
    assert {one.cpu_seconds > 0 for one in read_results(out)} == {True}


@pytest.mark.slow
def test_twenty_four_runs_killed_ten_times(tmp_path, plan_in, plan_text):
    text = plan_text.replace("seeds = [0, 1]", "seeds = 8")
    plan, chance = plan_in(tmp_path, text), random.Random(0)
    whole = {one.key: one.bits_per_byte for one in sweep(read_plan(plan), tmp_path / "whole", 2)}
    out, kills = tmp_path / "out", 0
    while kills < 10:
        until = time.monotonic() + chance.uniform(1, 12)
        had = counted(out, "done/*.json")
        killed(
            plan, out, lambda until=until, had=had: time.monotonic() > until and counted(out, "done/*.json") > had - 1
        )
        kills += 1
    ended(plan, out)
    assert len(whole) == 24
    assert numbers(out) == whole


def test_what_broke_off_is_done_again_and_nothing_else(swept, tmp_path):
    plan, out = read_plan(swept.with_suffix(".toml")), tmp_path / "out"
    shutil.copytree(swept, out)
    lines = (out / "results.jsonl").read_bytes().splitlines(keepends=True)
    torn = json.loads(lines[-1])
    (out / "results.jsonl").write_bytes(b"".join(lines[:-1]) + lines[-1][:40])  # killed while it wrote
    assert len(read_results(out)) == 5
    found = list(sweep(plan, out, 1))
    assert len(found) == 6
    assert json.loads((out / "results.jsonl").read_bytes().splitlines()[-1]) == torn
    assert (out / "results.jsonl").read_bytes() == b"".join(lines)


def test_a_larger_plan_adds_to_what_is_there_and_another_one_is_refused(swept, tmp_path, plan_text):
    plan = swept.with_suffix(".toml")
    out = tmp_path / "out"
    shutil.copytree(swept, out)
    fewer, other = swept.parent / "fewer.toml", swept.parent / "other.toml"
    fewer.write_text(plan_text.replace("seeds = [0, 1]", "seeds = [0]"))
    other.write_text(plan_text.replace("weight_decay = 0.5", "weight_decay = 0.4"))
    with pytest.raises(ValueError, match="got those of another one: recipe base, text topics, seed 1 is not in it"):
        list(sweep(read_plan(fewer), out))
    with pytest.raises(
        ValueError, match=r"wanted weight_decay = 0.5, as run decay.topics.[01] had, got 0.4 in the plan"
    ):
        list(sweep(read_plan(other), out))
    assert len(list(sweep(read_plan(plan), out))) == 6
    few = {one.key for one in sweep(read_plan(fewer), out, alone=False)}
    assert few == {one.key for one in read_results(out) if one.seed == 0}
    assert [one.recipe for one in read_results(out)] == ["base"] * 2 + ["decay"] * 2 + ["slow"] * 2, (
        "as the plan has them"
    )


def test_a_run_that_was_begun_otherwise_is_not_gone_on_with(tmp_path, plan_in, plan_text):
    """Killed in the middle of its first run: no result yet that could tell that the plan was another."""
    plan, out = plan_in(tmp_path, plan_text.replace("steps = 6", "steps = 400")), tmp_path / "out"
    killed(plan, out, lambda: counted(out, "runs/base.topics.0/checkpoints/step-*") > 0)
    assert not (out / "results.jsonl").exists()
    changed = parse_plan(plan_text.replace("steps = 6", "steps = 4"), plan)
    with pytest.raises(ValueError, match=r"run base.topics.0: .*out: wanted steps = 400, as run .* had, got 4 in the"):
        list(sweep(changed, out, 1))
    (tmp_path / "other.txt").write_text("another text " * 500)
    other = parse_plan(plan.read_text().replace("topics.txt", "other.txt"), plan)
    with pytest.raises(ValueError, match=r"out: wanted text = 'topics.txt', as run base.topics.0 had, got 'other.txt'"):
        list(sweep(other, out, 1))


def test_two_sweeps_do_not_share_a_folder(swept):
    with hold(swept), pytest.raises(InUse):
        list(sweep(read_plan(swept.with_suffix(".toml")), swept))


def test_a_run_that_cannot_begin_is_named_and_one_that_diverges_is_a_result(tmp_path, command, plan_in, plan_text):
    bad = plan_text.replace("weight_decay = 0.5", "n_ctx = 16384").replace("seeds = [0, 1]", "seeds = [0]")
    code, _, errors = command("run", plan_in(tmp_path, bad), "--processes", 1)
    assert (code, errors.count("experiments: run decay.topics.0: text: wanted at least")) == (2, 1)
    wild = bad.replace("n_ctx = 16384", 'optimizer = "adamw"\nlearning_rate = 1e30')
    code, said, errors = command("run", plan_in(tmp_path, wild), "--processes", 1)
    assert code == 1
    assert "decay, topics, seed 0 failed: " in errors
    assert "failed" in said
    assert {one.recipe: one.failed is None for one in read_results(tmp_path / "plan")} == {
        "base": True,
        "decay": False,
        "slow": True,
    }


def test_what_a_result_says_of_its_recipe_is_what_was_run(tmp_path, command, plan_in, plan_text):
    small = "n_layer = 1\nn_embd = 16\nn_ctx = 16\nbatch_size = 2\n"
    text = plan_text[: plan_text.index("[all]")].replace("seeds = [0, 1]", "seeds = 1")
    plan = plan_in(tmp_path, f'{text}[[recipes]]\nname = "base"\nrecipe = "quick"\n{small}')
    assert command("run", plan)[0] == 0
    [one] = read_results(tmp_path / "plan")
    run = json.loads((tmp_path / "plan/runs" / "base.topics.0" / "run.json").read_text())
    assert one.facts["recipe"] == run["recipe"]
    assert one.facts["recipe"]["steps"] == one.curve[-1][0] == 220, "of a fifth of a megabyte, not of a whole one"


def test_results_that_are_none(tmp_path):
    with pytest.raises(ValueError, match="wanted the folder of a sweep, got no such folder"):
        read_results(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"got a folder without results.jsonl"):
        read_results(tmp_path)
    for content in ("{}\n", "[1]\n", '{"recipe": 3}\n', "nonsense\n"):
        (tmp_path / "results.jsonl").write_text(content)
        with pytest.raises(ValueError, match=r"results\.jsonl, line 1: wanted the result of a run, got something else"):
            read_results(tmp_path)


@pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="processes are not forked here")
def test_the_ctrl_c_of_a_terminal_reaches_the_sweep_alone():
    code = """
import signal
from experiments.sweeping import _context

with _context(1).Pool(1) as pool:
    theirs = pool.apply(signal.pthread_sigmask, (signal.SIG_BLOCK, ()))
ours = signal.pthread_sigmask(signal.SIG_BLOCK, ())
print(signal.SIGINT in theirs, signal.SIGINT in ours)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ONE_THREAD)
    assert said.stdout == "True False\n"
