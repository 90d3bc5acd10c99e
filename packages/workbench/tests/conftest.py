import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure: examples may take as long as they take.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
def python(tmp_path: Path):
    """Start a program in a process of its own, in an empty folder."""

    def start(program: str, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, **environment},
        )

    return start
