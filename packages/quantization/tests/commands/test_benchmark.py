"""`quantization benchmark`."""

import pytest

from quantization.commands.main import main

OPTIONS = ["--schemes", "int8", "--rows", "1", "--tokens", "2", "--turns", "1"]


def test_the_command_prints_the_table(source, capsys):
    assert main(["benchmark", str(source), *OPTIONS]) == 0
    said = capsys.readouterr()
    assert "| int8 |" in said.out
    assert "threads, which read memory at" in said.err


@pytest.mark.extras
def test_the_command_draws(source, tmp_path, capsys):
    picture = tmp_path / "speed.png"
    assert main(["benchmark", str(source), *OPTIONS, "--out", str(picture)]) == 0
    assert f"picture in {picture}\n" in capsys.readouterr().err
    assert picture.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--schemes", "int9"], "wanted one of int8"),
        (["--rows", "0"], "--rows, --tokens, --turns: wanted numbers of at least 1, got (0,), 32 and 5; 1 8, 32 and 5"),
    ],
)
def test_what_makes_no_sense_is_said(options, message, tmp_path, capsys):
    assert main(["benchmark", str(tmp_path), *options]) == 2
    assert message in capsys.readouterr().err
