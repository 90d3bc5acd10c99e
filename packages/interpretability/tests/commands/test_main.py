"""The frame of the command: help without torch, and one line for what is not known."""

import subprocess
import sys

from interpretability.commands.main import COMMANDS


def test_help_needs_no_torch_and_lists_every_command():
    script = (
        "import sys; from interpretability.commands.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert all(name in done.stdout for name in COMMANDS)


def test_slips_are_answered_in_one_line(refused):
    assert "did you mean ablate?" in refused("ablat", "x")
    assert "wanted an option of interpretability attribute, got --promt; did you mean --prompt?" in refused(
        "attribute", "x", "--promt", "y"
    )
