"""CI's summary counts what ran, repeats how every pytest run ended, and fails when one part did."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / ".ci" / "summary.py"
PASSED = "============================== 12 passed in 3.45s =============================="
FAILED = "=================== 1 failed, 2 passed, 1 skipped in 61.20s (0:01:01) ==================="


def summary(*lines: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT], input="\n".join(lines), capture_output=True, text=True, check=False)


def test_every_closing_line_is_repeated_under_its_session() -> None:
    result = summary("ci > Running nox: x", "nox > Running session tests-a", PASSED, "nox > Running session b", FAILED)
    assert result.returncode == 0
    assert result.stdout.endswith(f"tests-a:\n{PASSED}\nb:\n{FAILED}\n")


def test_minutes_are_told_for_every_part() -> None:
    result = summary("ci > Running train: x", "nox > Running session tests-a", "nox > Running session lint")
    assert [line.split() for line in result.stdout.splitlines()[-6:-1]] == [
        ["minutes", "part"],
        ["0.00", "train"],
        ["0.00", "tests-a"],
        ["0.00", "lint"],
        ["0.00", "all,", "by", "the", "clock"],
    ]


def test_sessions_that_ran_in_pairs_have_their_own_time_and_neighbors() -> None:
    result = summary(
        "ci > Running nox: x",
        "nox > Running session all",
        "pairs > Running 2 sessions, 2 at a time",
        "nox > Running session lint",
        "nox > Session lint failed.",
        "pairs > FAILED: lint",
        "pairs > lint took 30.0 s beside tests-a",
        "nox > Running session tests-a",
        PASSED,
        "pairs > tests-a took 90.3 s beside lint, types",
        "pairs > FAILED: types",
        "pairs > types took 6.0 s beside tests-a",
    )
    assert result.returncode == 1
    table = result.stdout[result.stdout.index("minutes  part") :].splitlines()
    assert table[1:7] == [
        "   0.00  nox",
        "   0.50  lint  FAILED  beside tests-a",
        "   1.50  tests-a  beside lint, types",
        "   0.10  types  FAILED  beside tests-a",
        "   0.00  all, by the clock",
        "",
    ]
    assert table[7:] == ["tests-a:", PASSED]


def test_a_failed_part_fails_the_whole() -> None:
    for line in ("ci > FAILED: train", "nox > Session tests-a failed.", "nox > Session tests-a raised exception X"):
        result = summary("ci > Running train: x", "nox > Running session tests-a", PASSED, line)
        assert result.returncode == 1
        assert "FAILED" in result.stdout


def test_no_output_at_all_is_a_failure() -> None:
    assert summary().returncode == 1
