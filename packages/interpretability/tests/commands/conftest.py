"""The command as it is typed."""

import pytest

from interpretability.commands.main import main


@pytest.fixture
def answer(capsys, monkeypatch, tmp_path):
    """Exit code, standard output and standard error of a command, run in an empty folder on the CPU."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = main([*map(str, words), "--device", "cpu"])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def refused(answer):
    """The one line that a command says when it refuses, without the name before it."""

    def run(*words):
        code, out, err = answer(*words)
        assert (code, out) == (2, ""), err
        assert err.startswith("interpretability: ")
        assert err.count("\n") == 1, err
        return err.removeprefix("interpretability: ")

    return run
