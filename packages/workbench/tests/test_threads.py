"""Threads wait as the user says, or else briefly."""

import pytest

PROGRAM = """
import os, sys
from workbench import spin_briefly
spin_briefly()
assert "torch" not in sys.modules
print(os.environ.get("OMP_WAIT_POLICY"), os.environ.get("GOMP_SPINCOUNT"))
"""


@pytest.mark.parametrize(
    ("given", "then"),
    [
        ({}, "passive 1000"),
        ({"OMP_WAIT_POLICY": "active"}, "active None"),
        ({"GOMP_SPINCOUNT": "7"}, "passive 7"),
    ],
)
def test_whoever_says_how_to_wait_is_left_alone(given, then, monkeypatch, python):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    assert python(PROGRAM, **given).communicate() == (f"{then}\n", "")
