"""Every rung: the hole fails, our solution passes, typical wrong solutions fail with words that name the slip."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from ladder import Checker, Exercise, Verdict, exercises

RUNGS = {exercise.name: exercise for exercise in exercises()}


def loaded(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"table_{path.stem}", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def table() -> dict[str, list[tuple[str, list[str | None], str]]]:
    """Of each rung: the slip, the bodies of its holes (None: ours), and a pattern that the answer must contain."""
    whole = {}
    for path in sorted((Path(__file__).parent / "wrong").glob("*.py")):
        whole |= loaded(path).WRONG
    return whole


WRONG = table()
RIGHT = loaded(Path(__file__).parent / "right.py").RIGHT


def tried(checker: Checker, exercise: Exercise, source: str, folder: Path) -> Verdict:
    path = folder / exercise.file_name
    path.write_text(source, encoding="utf-8")
    return checker.check(exercise, path)


@pytest.mark.parametrize("name", RUNGS)
def test_a_rung_is_made_like_every_other(name: str) -> None:
    exercise = RUNGS[name]
    words = len(re.findall(r"\S+", exercise.text))
    assert 40 <= words <= 150, f"{words} words"
    assert len(exercise.hints) >= 3
    assert len(exercise.hints) % 3 == 0, "three for each hole"
    for body in exercise.bodies():
        assert 1 <= len([line for line in body.splitlines() if line.strip()]) <= 25
    assert sum(len([x for x in body.splitlines() if x.strip()]) for body in exercise.bodies()) >= 3
    assert "# hole" not in exercise.template
    assert "# hint" not in exercise.template
    assert "# hint" not in exercise.solution
    assert "NotImplementedError" in exercise.template
    assert max(map(len, exercise.template.splitlines())) <= 120
    assert not set(exercise.bodies()) & {exercise.template}


@pytest.mark.parametrize("name", RUNGS)
def test_the_hole_fails_the_solution_passes_and_slips_are_named(name: str, checker: Checker, tmp_path: Path) -> None:
    exercise = RUNGS[name]
    assert tried(checker, exercise, exercise.template, tmp_path).state == "open"
    ours = tried(checker, exercise, exercise.solution, tmp_path)
    assert ours.passed, ours.lines
    wrong = WRONG[name]
    assert len(wrong) >= 3
    for slip, bodies, words in wrong:
        full = [
            ours if body is None else dedent(body)
            for body, ours in zip(bodies, map(dedent, exercise.bodies()), strict=True)
        ]
        found = tried(checker, exercise, exercise.filled(*full), tmp_path)
        assert found.state == "failed", slip
        told = "\n".join(found.lines)
        assert re.search(words, told), f"{slip}:\n{told}"


def test_no_wrong_solution_is_without_a_rung() -> None:
    assert WRONG.keys() == RUNGS.keys()
    assert sum(map(len, WRONG.values())) >= 3 * len(RUNGS)


@pytest.mark.parametrize(("name", "bodies"), RIGHT, ids=[f"{n}-{name}" for n, (name, _) in enumerate(RIGHT)])
def test_what_is_right_passes_in_any_style(name: str, bodies: list[str], checker: Checker, tmp_path: Path) -> None:
    found = tried(checker, RUNGS[name], RUNGS[name].filled(*map(dedent, bodies)), tmp_path)
    assert found.passed, found.lines


def test_git_keeps_every_rung() -> None:
    if shutil.which("git") is None:
        pytest.skip("no git")
    paths = [str(exercise.path) for exercise in exercises()]
    folder = Path(__file__).parent
    ignored = subprocess.run(["git", "check-ignore", *paths], cwd=folder, capture_output=True, text=True, check=False)
    assert ignored.stdout == ""
