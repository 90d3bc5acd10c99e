"""What one does as a learner, from `start` on: nothing that was written is ever lost."""

import json
import re
from pathlib import Path

import pytest

from ladder import Checker, exercises
from ladder.commands.checking import watched_folder
from ladder.workplace import opened

RUNGS = {exercise.name: exercise for exercise in exercises()}
RIGHT = "columns = torch.arange(n)\n    return columns <= columns[:, None]"


def test_the_first_words_are_what_to_do(climb, capsys: pytest.CaptureFixture[str]) -> None:
    assert climb("") == 2
    assert "`ladder start` makes one" in capsys.readouterr().err
    assert climb("start") == 0
    said = capsys.readouterr().out
    assert "41 exercises copied" in said
    assert "ladder check broadcasting" in said
    assert len(list(Path("my-gpt2").glob("*.py"))) == len(exercises()) == 41
    assert climb("") == 0
    said = capsys.readouterr().out
    assert "0 of 41 exercises pass" in said
    assert max(map(len, said.splitlines())) <= 80
    assert climb("--dir my-gpt2") == 0
    assert "0 of 41 exercises pass" in capsys.readouterr().out


def test_words_fit_a_terminal(climb, write, capsys: pytest.CaptureFixture[str]) -> None:
    climb("start")
    for exercise in exercises():
        for _ in exercise.hints:
            climb(f"hint {exercise.name}")
    write("my-gpt2", "int8", RUNGS["int8"].filled("scale = weight.amax(1) / 127\nreturn weight, scale", "return 0"))
    climb("check int8")
    climb("build")
    climb("grade my-gpt2")
    wide = [line for line in capsys.readouterr().out.splitlines() if len(line) > 80 and not line.startswith("  int8: ")]
    assert not wide


def test_start_overwrites_nothing_and_completes(climb, capsys: pytest.CaptureFixture[str]) -> None:
    climb("start here")
    mine, gone = Path("here/01_broadcasting.py"), Path("here/41_lora.py")
    mine.write_text("# mine\n")
    gone.unlink()
    capsys.readouterr()
    assert climb("start here") == 0
    assert "1 exercise copied, 40 were there and stay as they are" in capsys.readouterr().out
    assert mine.read_text() == "# mine\n"
    assert gone.exists()


def test_a_learner_climbs_a_rung(climb, write, capsys: pytest.CaptureFixture[str]) -> None:
    climb("start")
    assert climb("check") == 1
    assert "Nothing is begun yet" in capsys.readouterr().out

    path = write("my-gpt2", "causal_mask")
    path.write_text(path.read_text().replace("columns <= rows", "columns < rows"))
    assert climb("check causal_mask") == 1
    said = capsys.readouterr().out
    assert "causal_mask: not yet\n  a token sees itself and all before it\n  for        causal_mask(1)" in said
    assert "the diagonal is hidden, too" in said
    assert "ladder hint causal_mask" in said

    for number in (1, 2, 3, 3):
        assert climb("hint causal_mask") == 0
        assert len(re.findall(r"hint \d of 3", capsys.readouterr().out)) == number
    assert climb("show causal_mask") == 1
    said = capsys.readouterr().out
    assert "Ours is shown once yours passes" in said
    assert "return columns <= rows" not in said

    path.write_text(path.read_text().replace("columns < rows", "columns.le(rows)"))
    assert climb("check 20") == 0
    assert "causal_mask: passes" in capsys.readouterr().out
    assert climb("show causal_mask") == 0
    said = capsys.readouterr().out
    assert "yours 3 lines, ours 3" in said
    assert re.search(r"yours takes \d+\.\d times as (long|fast) ", said) or "as fast as ours" in said
    assert "-    return columns.le(rows)\n+    return columns <= rows" in said
    assert climb("status") == 0
    assert "1 of 41 exercises pass" in capsys.readouterr().out

    path.write_text(path.read_text() + "\n# changed\n")
    climb("status")
    assert "0 of 41 exercises pass" in capsys.readouterr().out, "what was changed since is checked again"


def test_reset_keeps_every_backup(climb, write, capsys: pytest.CaptureFixture[str]) -> None:
    climb("start")
    path = write("my-gpt2", "gelu", "first")
    assert climb("reset gelu") == 0
    write("my-gpt2", "gelu", "second")
    assert climb("reset gelu.py") == 0
    assert "yours is kept in 25_gelu.backup-2.py" in capsys.readouterr().out
    kept = [Path(f"my-gpt2/25_gelu.backup-{number}.py").read_text() for number in (1, 2)]
    assert kept == ["first", "second"]
    assert "this is yours to write" in path.read_text()
    assert climb("reset gelu") == 0
    assert "kept" not in capsys.readouterr().out, "there is nothing to keep"


def test_watch_checks_what_is_saved(climb, write, checker: Checker, capsys: pytest.CaptureFixture[str]) -> None:
    climb("start")
    place = opened(Path("my-gpt2"))
    capsys.readouterr()
    steps = iter(
        [
            lambda: None,
            lambda: write("my-gpt2", "gelu", "def gelu(x):\n    return x\n"),
            lambda: None,
            lambda: write("my-gpt2", "broadcasting"),
            lambda: Path("my-gpt2/02_backward_add_multiply.py").unlink(),
        ]
    )

    def sleep(seconds: float) -> None:
        next(steps)()

    watched_folder(place, checker, sleep)
    said = capsys.readouterr().out
    assert said.count("gelu: not yet") == 1
    assert "ReLU" not in said
    assert said.count("broadcasting: passes") == 1
    assert "Next: 2. backward_add_multiply" in said
    assert json.loads(Path("my-gpt2/.ladder.json").read_text())["passed"].keys() == {"broadcasting"}


WRONG = {
    "check gelo": "did you mean gelu?",
    "check 99": "wanted the name or the number of an exercise, got '99'; `ladder` lists all",
    "climb gelu": "wanted one of the commands",
    "check --dir nowhere": "nowhere: wanted a folder with exercises, got none",
    "check gelu --seconds 0": "--seconds: wanted a number above 0",
    "lesson attentions": "wanted a package with a lesson",
    "lesson gpt2 --notebook gpt2.txt": "ends in .ipynb",
    "start --course nowhere": "nowhere: wanted a folder with exercises",
    "grade nowhere": "nowhere: wanted a folder",
    "build --steps 0": "--steps: wanted a number of at least 1",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_slip_is_answered_in_one_line(line: str, climb, capsys: pytest.CaptureFixture[str]) -> None:
    climb("start")
    capsys.readouterr()
    assert climb(line) == 2
    said = capsys.readouterr().err
    assert WRONG[line] in said
    assert said.count("\n") == 1


def test_a_state_file_of_something_else_is_a_sentence(climb, capsys: pytest.CaptureFixture[str]) -> None:
    climb("start")
    Path("my-gpt2/.ladder.json").write_text("[]")
    assert climb("status") == 2
    assert "wanted what `ladder start` writes" in capsys.readouterr().err
