"""What a teacher does: grade folders, and bring exercises of one's own, from anywhere."""

import json
from pathlib import Path

import pytest

TEXT = """Twice as much.

A first exercise of a teacher's own. Write `double`, which gives twice the number that it gets, whatever kind of number
that is.
"""
FILE = """def double(x):
    # hole
    # hint: Twice is two times.
    return 2 * x
    # end
"""
CHECK = """from ladder import agree


def check(mine):
    for x in (0, 1, -3):
        agree("twice as much comes out", f"double({x})", lambda: mine.double(x), 2 * x, {"it is squared": x * x})
    assert mine.double(0.5) == 1.0, "fractions are doubled, too"
"""


def course(folder: Path) -> Path:
    exercise = folder / "course" / "first"
    exercise.mkdir(parents=True)
    (exercise / "text.md").write_text(TEXT)
    (exercise / "double.py").write_text(FILE)
    (exercise / "check.py").write_text(CHECK)
    assert sum(len(part.splitlines()) for part in (TEXT, FILE, CHECK)) <= 20
    return folder / "course"


def test_an_exercise_of_twenty_lines(climb, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert climb(f"start mine --course {course(tmp_path)}") == 0
    assert "1 exercise copied" in capsys.readouterr().out
    path = Path("mine/01_double.py")
    assert path.read_text().startswith('"""Twice as much.\n')
    assert "return 2 * x" not in path.read_text()
    hole = 'raise NotImplementedError("this is yours to write")'
    answers = {
        hole: (1, "not written yet"),
        "return x * x": (1, "that is what comes out when it is squared"),
        "return int(2 * x) if x != 0.5 else 0": (1, "fractions are doubled, too"),
        "return y": (1, "in line 9: return y"),
        "return x + x": (0, "double: passes"),
    }
    template = path.read_text()
    for body, (code, words) in answers.items():
        path.write_text(template.replace(hole, body))
        assert climb("check double --dir mine") == code
        said = capsys.readouterr().out
        assert words in said, said
    assert climb("hint double --dir mine") == 0
    assert "Twice is two times." in capsys.readouterr().out
    assert climb("build --dir mine") == 2
    assert "wanted our exercises" in capsys.readouterr().err


def test_grading_asks_the_files_not_the_learner(
    climb, write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = course(tmp_path)
    for name, body in (("ada", "return 2 * x"), ("bob", "return x ** 2")):
        climb(f"start {name} --course {known}")
        path = Path(name, "01_double.py")
        path.write_text(path.read_text().replace('raise NotImplementedError("this is yours to write")', body))
        Path(name, ".ladder.json").write_text('{"course": null, "passed": {"double": "sha256:0"}, "hints": {}}')
    capsys.readouterr()
    assert climb(f"grade ada bob --json --course {known}") == 1
    ada, bob = map(json.loads, capsys.readouterr().out.splitlines())
    assert (ada["folder"], ada["passed"], ada["of"]) == ("ada", 1, 1)
    assert bob["exercises"]["double"]["state"] == "failed"
    assert "it is squared" in bob["exercises"]["double"]["words"]
    assert climb(f"grade ada --course {known}") == 0
    assert "ada: 1 of 1 pass" in capsys.readouterr().out


BROKEN = {
    "no hole": ("double.py", "def double(x):\n    return 2 * x\n", "wanted a hole, got none"),
    "two files": ("other.py", FILE, "wanted one Python file beside check.py"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_teacher_is_told_what_is_wrong(name: str, climb, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = course(tmp_path)
    file, content, words = BROKEN[name]
    (known / "first" / file).write_text(content)
    assert climb(f"start mine --course {known}") == 2
    assert words in capsys.readouterr().err


def test_a_check_without_a_function_is_a_sentence(climb, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = course(tmp_path)
    (known / "first" / "check.py").write_text("x = 1\n")
    climb(f"start mine --course {known}")
    assert climb("check double --dir mine") == 1
    assert "wanted a function check(mine), got none" in capsys.readouterr().out
