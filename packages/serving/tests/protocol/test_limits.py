"""How much one request may ask for."""

from dataclasses import fields

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
