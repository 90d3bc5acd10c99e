"""What a run says last works when it is pasted."""

import shlex

import pytest

from mnist_trainer.commands.main import main


@pytest.mark.parametrize("out", [None, "elsewhere", "a name with spaces", "runs/mnist-009"])
def test_the_next_command_works_as_it_stands(out, drawing, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as trained:
        main(["--epochs", "1", "--device", "cpu", *([] if out is None else ["--out", out])])
    assert trained.value.code == 0
    words = shlex.split(capsys.readouterr().out.rstrip().splitlines()[-1])
    assert words[:3] == ["mnist-trainer", "predict", "digit.png"]
    drawing("0").save("digit.png")
    with pytest.raises(SystemExit) as read:
        main(words[1:])
    assert read.value.code == 0
    assert capsys.readouterr().out.startswith("digit.png: ")


def test_an_older_run_elsewhere_is_named_beside_newer_ones(default_run, tmp_path, monkeypatch, capsys):
    """Where runs/ holds another model, `predict` alone would take that one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "mnist-005").mkdir(parents=True)
    (tmp_path / "runs" / "mnist-005" / "model").symlink_to(default_run.folder / "model")
    with pytest.raises(SystemExit):
        main(["--epochs", "1", "--device", "cpu", "--out", "x"])
    assert capsys.readouterr().out.rstrip().endswith("predict digit.png --model x")
