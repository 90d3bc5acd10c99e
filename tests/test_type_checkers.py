"""A slip of the pen in a name is seen before anything runs: by the type checker of whoever writes the call."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import gpt2
from gpt2.recipes import RECIPES, RecipeName

ROOT = Path(__file__).parents[1]


def checked(path: Path, program: str) -> str:
    """What mypy says of a file of one's own, with the packages as they are installed."""
    path.write_text(program)
    words = [sys.executable, "-m", "mypy", "--no-error-summary", "--no-pretty", str(path)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=600).stdout


def test_mypy_sees_a_recipe_that_there_is_not(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="the type checker is not installed")
    said = checked(
        tmp_path / "slips.py",
        "import gpt2\n"
        'gpt2.recipe("tniy")\n'
        'gpt2.TrainSettings(recipe="tniy")\n'
        'gpt2.recipe("tiny").replace(steps=3)\n'
        'gpt2.TrainSettings(recipe="gpt2-medium")\n',
    ).splitlines()
    assert [line.split(":")[1] for line in said if "error" in line] == ["2", "3"], said
    assert all("'tniy'" in line and "arg-type" in line for line in said if "error" in line)


def test_the_names_that_it_knows_are_those_of_the_recipes() -> None:
    assert get_args(RecipeName) == tuple(one.name for one in RECIPES)
    for name in get_args(RecipeName):
        assert gpt2.recipe(name).name == name
