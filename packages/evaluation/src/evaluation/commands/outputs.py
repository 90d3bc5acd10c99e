"""How an evaluation command answers: results on standard output, everything else on standard error."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench import many

if TYPE_CHECKING:
    from ..intervals import Estimate
    from ..tasks.tasks import ItemScore

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


def item_score(line: Mapping[str, Any]) -> "ItemScore":
    """The outcome that a line of an earlier run holds; ValueError where it holds none."""
    from ..tasks.tasks import ItemScore

    try:
        last = line["last_token"]
        nats = tuple(float("inf") if each is None else each for each in line["nats"])
        return ItemScore(nats, line["correct"], line["correct_normalised"], tuple(last) if last else None)
    except (KeyError, TypeError):
        raise ValueError(f"wanted the outcome of a question, got {dict(line)}; name another file for --out") from None
