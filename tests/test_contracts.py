"""Contracts are judges: each has its wrong implementations, and there are many of them."""

import importlib
import re
from pathlib import Path

import pytest

from workbench import BrokenClaim, Held

ROOT = Path(__file__).parents[1]
CONTRACTS = sorted(path.parents[1].name for path in ROOT.glob("packages/*/src/*/contract/__init__.py"))


def wrong_ones(name: str) -> int:
    """How many its tests keep: they count them, and each is caught by the claim that names it."""
    text = (ROOT / "packages" / name / "tests" / "contract" / "test_check.py").read_text("utf-8")
    found = re.findall(r"^    assert len\(WRONG\) == (\d+)$", text, re.MULTILINE)
    assert len(found) == 1, f"wanted {name}'s tests to count their wrong implementations once, got {found}"
    return int(found[0])


def test_wrong_implementations_are_many_in_every_contract() -> None:
    table = {name: wrong_ones(name) for name in CONTRACTS}
    assert min(table.values()) >= 20, table
    assert sum(table.values()) >= 250, table


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_contract_has_one_error_and_one_answer(name: str) -> None:
    contract = importlib.import_module(f"{name}.contract")
    assert contract.BrokenClaim is BrokenClaim
    assert contract.Held is Held
    assert contract.check.__annotations__["return"] in (Held, "Held")
