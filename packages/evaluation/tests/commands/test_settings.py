"""Help says what the numbers are, at once."""

import subprocess
import sys

PROGRAM = """
import sys
from evaluation.commands.main import main
for name in sys.argv[1:]:
    try:
        main([name, "--help"])
    except SystemExit as end:
        print("ends with", end.code, "and torch" if "torch" in sys.modules else "without torch")
"""


def test_help_names_units_and_needs_no_torch():
    names = ["score", "tasks", "compare"]
    result = subprocess.run([sys.executable, "-c", PROGRAM, *names], capture_output=True, text=True, check=True)
    helps = " ".join(result.stdout.replace("│", " ").split()).split("ends with ")
    assert [end[:15] for end in helps[1:]] == ["0 without torch"] * 3
    for name, text in zip(names, helps, strict=False):
        assert f"usage: evaluation {name} " in text
        assert "okens from one window to the next" in text
