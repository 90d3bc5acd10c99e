"""One process in which code is checked serves all tests that do not stop it: to start one costs more than a hundred
checks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ladder import Checker, exercises
from ladder.commands import building, checking, grading, showing
from ladder.commands.main import main


@pytest.fixture(scope="session")
def checker() -> Iterator[Checker]:
    with Checker() as one:
        yield one


@pytest.fixture
def climb(checker: Checker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The command `ladder` in an empty folder."""

    @contextmanager
    def same(seconds: float = 10.0) -> Iterator[Checker]:
        yield checker

    for module in (building, checking, grading, showing):
        monkeypatch.setattr(module, "Checker", same)
    monkeypatch.chdir(tmp_path)

    def run(line: str) -> int:
        return main(line.split())

    return run


@pytest.fixture
def write():
    """Put a solution of ours, or another content, into a learner's folder."""

    def written(folder: str, name: str, content: str | None = None) -> Path:
        exercise = next(one for one in exercises() if one.name == name)
        path = Path(folder) / exercise.file_name
        path.write_text(exercise.solution if content is None else content, encoding="utf-8")
        return path

    return written
