"""How much one request may ask for."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from serving.protocol.limits import Limits, check_most
from serving.protocol.refusals import Refused


@pytest.mark.parametrize("name", [one.name for one in fields(Limits)])
def test_a_limit_of_nothing_is_no_limit(name):
    with pytest.raises(ValueError, match=f"--limits.{name.replace('_', '-')}: wanted 1 or more, got 0"):
        Limits(**{name: 0})


def test_more_than_the_most_is_refused_with_both_numbers():
    check_most("stop", 4, 4, "stop strings")
    with pytest.raises(Refused, match="stop: wanted at most 4 stop strings, got 5; ask for less"):
        check_most("stop", 5, 4, "stop strings")


def test_the_page_tells_every_limit_with_its_usual_value():
    page = (Path(__file__).parents[2] / "docs" / "requests.md").read_text("utf-8")
    table = page.split("## Limits")[1].split("## ")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| `")]
    told = {}
    for names, values in rows:
        told |= dict(zip(re.findall(r"`([a-z-]+)`", names), re.findall(r"\d[\d,]*\d|\d", values), strict=True))
    assert told == {one.name.replace("_", "-"): f"{one.default:,}" for one in fields(Limits)}
