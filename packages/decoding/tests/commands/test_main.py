"""How the command `decoding` answers: wrong arguments, help, an interrupt, a reader that leaves."""

import io
import os
import re
import signal
import subprocess
import sys

import pytest

from decoding.commands.main import COMMANDS, main
from workbench import slip

CHOICES = ("--when-full", "--order", "--early-stopping")


ALL = "decoding generate --help lists all"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("", "wanted one of the commands generate, got none; decoding --help lists all"),
        ("--top-k 3", "wanted one of the commands generate, got '--top-k'; decoding --help"),
        ("generates x", "wanted one of the commands generate, got 'generates'; did you mean"),
        ("score x --text y", "wanted the command generate, got 'score'; type `evaluation score` for scores of texts"),
        ("evaluate x", "wanted the command generate, got 'evaluate'; type `evaluation tasks` for scores in tasks"),
        ("compare x y", "wanted the command generate, got 'compare'; type `evaluation compare` for two models side by"),
        ("generate x --promt y", "wanted an option of decoding generate, got --promt; did you mean --prompt?"),
        ("generate x --no_resume", "wanted an option of decoding generate, got --no_resume; did you mean --resume?"),
        ("generate x --frobnicate", f"wanted an option of decoding generate, got --frobnicate; {ALL}"),
        ("generate x --top-k abc", "--top-k: wanted a whole number, got 'abc'; leave --top-k out for the default"),
        ("generate x --top_k=1.5", "--top-k: wanted a whole number, got '1.5'; leave --top-k out for the default"),
        ("generate x --temperature hot", "--temperature: wanted a number, got 'hot'; leave --temperature out"),
        ("generate x --log-probabilities y", "--log-probabilities: wanted a whole number, got 'y'; leave"),
        ("generate x --seed --prompt y", "wanted a value after --seed, got none; a value that begins with a dash is"),
        ("generate x --prompt", "wanted a value after --prompt, got none; write --prompt VALUE"),
        ("generate x --prompt -item", "wanted a value after --prompt, got none; a value that begins with a dash is "
         "written --prompt=-item"),
        ("generate x --early-stopping maybe", "--early-stopping: wanted one of True, False, never, got 'maybe'; ch"),
        ("generate", "wanted MODEL, got none; usage: decoding generate MODEL [options]"),
        ("generate x y --prompt z", f"Unrecognized options: y; {ALL}"),
        ("generate x --json=3", f"Unrecognized options: 3; {ALL}"),
        ("generate x --prompt y --logit-bias 95", "Error parsing --logit-bias: Could not find valid parse for argum"),
    ],
)  # fmt: skip
def test_wrong_arguments_exit_with_2_and_one_line(arguments, line, capsys):
    assert main(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"decoding: {line}")


@pytest.mark.parametrize("value", ["--prompt=-item", "--prompt=--top-k"])
def test_a_value_may_begin_with_a_dash(value, folder, capsys):
    assert main(["generate", folder, "--prompt", "x", value, "--max-new-tokens", "1", "--device", "cpu"]) == 0
    assert value.partition("=")[2] in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_that_help_names_is_no_slip(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    named = re.findall(r"^[│ ]+(--[a-z][a-z0-9-]+)", capsys.readouterr().out, re.MULTILINE)
    assert len(named) > 5
    slips = [
        slip(f"decoding {command}", COMMANDS[command], [f"{option}=1"]) for option in named if option not in CHOICES
    ]
    assert set(slips) == {None}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [("generate --help", 0), ("generate /no/such/model --prompt x", 2), ("generate --top 3", 2)],
)
def test_help_and_wrong_arguments_are_answered_without_torch(arguments, code):
    program = (
        "import sys; from decoding.commands.main import main\ntry: code = main()\nexcept SystemExit as e: code = e.code"
    )
    result = subprocess.run(
        [sys.executable, "-c", f"{program}\nprint(code, 'torch' in sys.modules)", *arguments.split()],
        capture_output=True,
        text=True,
    )
    assert result.stdout.splitlines()[-1] == f"{code} False"


def test_threads_that_wait_do_not_spin_unless_the_user_says_so():
    program = "import os, sys; from decoding.commands.main import main; assert 'torch' not in sys.modules\n"
    program += "main(sys.argv[1:]); print(os.environ['OMP_WAIT_POLICY'])"
    without = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    for given, expected in ((without, "passive"), ({**without, "OMP_WAIT_POLICY": "active"}, "active")):
        arguments = [sys.executable, "-c", program, "generate", "/no/such/model", "--prompt", "x"]
        assert subprocess.run(arguments, env=given, capture_output=True, text=True).stdout == f"{expected}\n"


LONG = ["--prompt", "the", "--max-new-tokens", "99000", "--no-stop-at-end-of-text", "--device", "cpu"]


def test_a_reader_that_leaves_ends_the_command_quietly(tireless, monkeypatch, capsys):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        assert main(["generate", tireless, *LONG]) == 141
    assert capsys.readouterr().err == ""


def test_an_interrupt_ends_the_command_with_one_line(tireless, monkeypatch, capsys):
    class Interrupts(io.StringIO):
        """A reader who presses Ctrl-C well into the text."""

        def write(self, text):
            if self.tell() > 100:
                signal.raise_signal(signal.SIGINT)
            return super().write(text)

    # In the background of a shell SIGINT is ignored, and children inherit that.
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        monkeypatch.setattr(sys, "stdout", written := Interrupts())
        assert main(["generate", tireless, *LONG]) == 130
    finally:
        signal.signal(signal.SIGINT, ours)
    assert written.getvalue().startswith("the")
    assert capsys.readouterr().err == "decoding: interrupted\n"
