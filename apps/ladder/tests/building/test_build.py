"""A model of our solutions is `gpt2 train`'s, and one of a learner's is theirs."""

import json
from pathlib import Path

import pytest
import torch

import gpt2
from ladder import Checker, exercises
from ladder.building.plan import build_job, needed, ours_job
from ladder.building.training import affordable

TINY = {
    "config": {"n_vocab": 300, "n_ctx": 16, "n_embd": 16, "n_head": 2, "n_layer": 2},
    "batch_size": 4,
    "held_out": 0.1,
}


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    lines = [f"Line {n} of {n * n} is né {'even' if n % 2 == 0 else 'odd'}.\n" for n in range(400)]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def files(folder: Path) -> dict[str, Path]:
    folder.mkdir()
    for exercise in needed():
        (folder / exercise.file_name).write_text(exercise.solution)
    return {exercise.name: folder / exercise.file_name for exercise in needed()}


def test_our_solutions_learn_as_train_does(checker: Checker, text: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    job = build_job(files(tmp_path / "mine"), out, text=str(text), steps=30, seed=3, prompt="Line", recipe=TINY)
    mine = checker.ask(job, out, 120.0)
    assert mine["state"] == "built", mine
    ours = checker.ask(ours_job(out, str(text), 3), out, 120.0)
    assert len(mine["losses"]) == len(ours["losses"]) == 30
    assert max(abs(a - b) for a, b in zip(mine["losses"], ours["losses"], strict=True)) <= 1e-4
    assert abs(mine["bits_per_byte"] - ours["bits_per_byte"]) <= 1e-4
    assert mine["losses"][-1] < mine["losses"][0] - 0.3, "it learned"

    model, tokenizer = gpt2.load(str(out / "model"))
    theirs, _ = gpt2.load(str(out / "ours" / "model"))
    ids = torch.tensor([tokenizer.encode("Line 12 of 144")])
    assert torch.allclose(model(ids), theirs(ids), atol=1e-3)
    record = json.loads((out / "ours" / "run.json").read_text())
    learned = gpt2.Tokenizer.train([text.read_text()], 300)
    assert set(learned.ranks) & set(tokenizer.ranks) > {bytes([byte]) for byte in range(256)}
    assert record["recipe"]["optimizer"] == "adamw"
    greedy, *others = mine["samples"]
    assert greedy.startswith("Line")
    assert len(others) == 2


def test_a_piece_that_fails_on_the_way_is_named_with_its_line(checker: Checker, text: Path, tmp_path: Path) -> None:
    mine = files(tmp_path / "mine")
    path = mine["cosine"]
    path.write_text(
        path.read_text().replace("    if s < warmup:", "    if s == 2:\n        return [1][s]\n    if s < warmup:")
    )
    job = build_job(mine, tmp_path / "out", text=str(text), steps=4, seed=0, prompt="", recipe=TINY)
    answer = checker.ask(job, path, 120.0)
    assert answer["lines"][0] == "cosine raised IndexError: list index out of range"
    assert answer["lines"][1].endswith(": return [1][s]")


@pytest.mark.slow
def test_a_build_that_takes_too_long_is_stopped(text: Path, tmp_path: Path) -> None:
    mine = files(tmp_path / "mine")
    path = mine["learn_merges"]
    path.write_text(
        path.read_text().replace("    while len(merges) < n:", "    while True:\n        pass\n    while merges:")
    )
    with Checker() as own:
        job = build_job(mine, tmp_path / "out", text=str(text), steps=4, seed=0, prompt="", recipe=TINY)
        answer = own.ask(job, path, 3.0)
    assert "still running after 3 seconds" in answer["lines"][0]
    assert "in line" in answer["lines"][0]


def test_the_command_builds_with_a_learners_piece_and_ours(
    climb, write, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    climb("start")
    write("my-gpt2", "gelu")
    capsys.readouterr()
    assert climb("build") == 1
    assert "18 of 19 pieces are missing: accumulation, adam" in capsys.readouterr().out
    assert climb(f"build --fill --text {text} --steps 1 --prompt Line") == 0
    said = capsys.readouterr().out
    assert "Pieces     1 yours, 18 ours" in said
    assert "17 claims about a GPT-2 hold" in said
    assert "Yours      1 steps" in said
    assert "Ours       1 steps" in said
    assert "interpretability page my-gpt2/build-001/model" in said or "build-001/model --out" in said
    assert (Path("my-gpt2/build-001/model") / "config.json").exists()
    assert climb(f"build --fill --text {text} --out {text}") == 2


def test_slow_code_gets_fewer_steps() -> None:
    assert affordable(0.1, 500.0) == 200
    assert affordable(5.0, 600.0) == 60
    assert affordable(1000.0, 600.0) == 10


def test_what_a_build_takes_is_an_exercise_or_more() -> None:
    assert {exercise.name for exercise in needed()} <= {exercise.name for exercise in exercises()}
    assert len(needed()) == 19
