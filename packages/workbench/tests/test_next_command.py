"""The next command is typed as it works here."""

from pathlib import Path

import pytest

from workbench import in_workspace, next_lines, tell_next, typed


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "uv.lock").touch()
    (tmp_path / "packages" / "gpt2").mkdir(parents=True)
    (tmp_path / "apps" / "mnist_trainer").mkdir(parents=True)
    monkeypatch.delenv("UV", raising=False)


@pytest.mark.usefixtures("workspace")
def test_in_the_workspace_commands_begin_with_uv():
    assert in_workspace()
    assert in_workspace("gpt2")
    assert not in_workspace("attention")
    assert typed("gpt2", "gpt2 batch runs/001 3") == "uv run --package gpt2 gpt2 batch runs/001 3"
    assert typed("gpt2", ["train", "--text", "a book.txt"]) == "uv run --package gpt2 train --text 'a book.txt'"
    assert typed("mnist_trainer", "mnist-trainer") == "uv run --package mnist_trainer mnist-trainer"
    assert typed(None, "tensorboard --logdir runs") == "uv run tensorboard --logdir runs"
    assert typed("attention", "x") == "x"


@pytest.mark.usefixtures("workspace")
def test_a_uv_that_only_the_workspace_has_is_typed_with_its_place(tmp_path: Path, monkeypatch):
    own = tmp_path / ".uv" / "bin" / "uv"
    own.parent.mkdir(parents=True)
    own.touch(mode=0o755)
    monkeypatch.setenv("UV", str(own))
    monkeypatch.setenv("PATH", str(tmp_path / "elsewhere"))
    assert typed("gpt2", "train") == ".uv/bin/uv run --package gpt2 train"
    monkeypatch.setattr("sys.prefix", str(tmp_path / ".venv"))  # nox brings a uv along, into the environment
    found = tmp_path / ".venv" / "bin" / "uv"
    found.parent.mkdir(parents=True)
    found.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(found.parent))
    assert typed(None, "nox") == ".uv/bin/uv run nox"
    monkeypatch.setenv("PATH", str(own.parent))
    assert typed(None, "nox") == "uv run nox"
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("UV", "/usr/bin/uv")
    assert typed(None, "nox") == "uv run nox"


def test_elsewhere_they_are_bare(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "packages" / "gpt2").mkdir(parents=True)
    assert not in_workspace()
    assert typed("gpt2", ["train", "--prompt", "a b"]) == "train --prompt 'a b'"
    assert typed(None, "tensorboard") == "tensorboard"


@pytest.mark.usefixtures("workspace")
def test_next_is_told_below_the_results_or_beside_them(capsys):
    assert next_lines("gpt2", "train") == "Next:\n  uv run --package gpt2 train"
    tell_next("gpt2", ["train", "--steps", "3"])
    tell_next("mnist_trainer", "mnist-trainer predict digit.png", "draw a digit, and")
    tell_next("gpt2", "train", beside_results=True)
    out, err = capsys.readouterr()
    assert out == (
        "\nNext:\n  uv run --package gpt2 train --steps 3\n"
        "\nNext: draw a digit, and\n  uv run --package mnist_trainer mnist-trainer predict digit.png\n"
    )
    assert err == "next: uv run --package gpt2 train\n"
