"""How an evaluation command answers: results on standard output, everything else on standard error."""

import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench import many, shorten

if TYPE_CHECKING:
    from ..intervals import Estimate
    from ..tasks.tasks import ItemScore

OUTCOME = ("nats", "correct", "correct_normalised", "last_token")
"""The fields of an `ItemScore`, as a line has them."""
FEW = 30
"""Units below which the bootstrap's interval is too narrow: of 2 right answers it is a point."""


def say(*lines: str) -> None:
    """Lines of the result."""
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in lines))


def tell(line: str) -> None:
    """A line about the result."""
    sys.stdout.flush()
    sys.stderr.write(f"{line}\n")


def options(**values: object) -> list[str]:
    """Options as they are typed, but those that nobody gave."""
    given = {name: value for name, value in values.items() if value is not None}
    return [word for name, value in given.items() for word in (f"--{name}", str(value))]


def show(estimate: "Estimate") -> str:
    """Value and interval, four significant digits."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.4g} (one unit: no interval)"
    return f"{estimate.value:.4g}  [{estimate.low:.4g}, {estimate.high:.4g}]"


def few(count: int, noun: str) -> list[str]:
    """A warning where there are too few units for an interval, in as many lines as it takes: one or none."""
    if not 1 < count < FEW:
        return []
    return [f"only {many(count, noun)}: an interval from fewer than {FEW} is not to be trusted"]


def estimates(measures: "Mapping[str, Estimate]") -> dict[str, Any]:
    """The measures for JSON."""
    return {name: {"value": each.value, "low": each.low, "high": each.high} for name, each in measures.items()}


def measured(line: Mapping[str, Any], name: str) -> int | float:
    """A number that a line of an earlier run holds, infinite where JSON lacks it; ValueError where it holds none."""
    return _number(line.get(name, "nothing"), line)


def item_score(line: Mapping[str, Any]) -> "ItemScore":
    """The outcome that a line of an earlier run holds; ValueError where it holds none."""
    from ..tasks.tasks import ItemScore

    nats, correct, normalized, last = (line.get(name) for name in OUTCOME)
    if not (isinstance(correct, bool) and isinstance(nats, list) and nats and _fits(normalized, last)):
        raise _no_outcome(line)
    costs = tuple(_number(each, line) for each in nats)
    return ItemScore(costs, correct, normalized, None if last is None else (_number(last[0], line), last[1]))


def _fits(normalized: object, last: object) -> bool:
    """Whether these are what a choice has (normalized) or a cloze (the last token's nats and whether it was right)."""
    if last is None:
        return isinstance(normalized, bool)
    return normalized is None and isinstance(last, list) and len(last) == 2 and isinstance(last[1], bool)


def _number(value: object, line: Mapping[str, Any]) -> int | float:
    if value is None:
        return math.inf
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
        raise _no_outcome(line)
    return value


def _no_outcome(line: Mapping[str, Any]) -> ValueError:
    said = shorten(repr(dict(line)), 200)
    return ValueError(f"wanted what an earlier run measured, got {said}; name another file for --out")
