"""How an evaluation command answers: results on standard output, everything else on standard error."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .intervals import Estimate
    from .tasks import ItemScore


def say(*lines: str) -> None:
    """Lines of the result."""
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in lines))


def tell(line: str) -> None:
    """A line about the result."""
    sys.stdout.flush()
    sys.stderr.write(f"{line}\n")


def tell_next(*words: str) -> None:
    """What one might type next."""
    tell(f"next: decoding {' '.join(words)}")


def many(count: int, noun: str) -> str:
    """A count and its noun: "1 byte", "2,000 bytes"."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def show(estimate: "Estimate") -> str:
    """Value and interval, four significant digits."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.4g} (one unit: no interval)"
    return f"{estimate.value:.4g}  [{estimate.low:.4g}, {estimate.high:.4g}]"


def estimates(measures: "Mapping[str, Estimate]") -> dict[str, Any]:
    """The measures for JSON."""
    return {name: {"value": each.value, "low": each.low, "high": each.high} for name, each in measures.items()}


def item_score(line: Mapping[str, Any]) -> "ItemScore":
    """The outcome that a line of an earlier run holds; ValueError where it holds none."""
    from .tasks import ItemScore

    try:
        last = line["last_token"]
        nats = tuple(float("inf") if each is None else each for each in line["nats"])
        return ItemScore(nats, line["correct"], line["correct_normalised"], tuple(last) if last else None)
    except (KeyError, TypeError):
        raise ValueError(f"wanted the outcome of a question, got {dict(line)}; name another file for --out") from None
