"""What the contracts of all packages answer: which claims held, or what broke which claim."""

from collections.abc import Iterable
from dataclasses import dataclass


class Held(tuple[str, ...]):
    """The claims that held, in plain words; `not_judged` names what was not tried, and what to pass so that it is."""

    not_judged: tuple[str, ...]

    def __new__(cls, claims: Iterable[str], not_judged: Iterable[str] = ()) -> "Held":
        held = super().__new__(cls, claims)
        held.not_judged = tuple(not_judged)
        return held

    def __str__(self) -> str:
        lines = [f"{len(self)} claims held:", *(f"  {claim}" for claim in self)]
        return "\n".join([*lines, *(f"not judged: {what}" for what in self.not_judged)])


@dataclass(frozen=True)
class Broken:
    """A claim that did not hold: its words, the evidence, and the smallest input that shows it, where one is known."""

    claim: str
    evidence: str
    smallest: str = ""

    def __str__(self) -> str:
        return f"{self.claim}: broken, for {self.evidence}" + (
            f". Smallest input that shows it: {self.smallest}" if self.smallest else ""
        )


class BrokenClaim(AssertionError):
    """Claims that did not hold: `broken` has each, `claim`, `evidence` and `smallest` are those of the first."""

    def __init__(self, *broken: Broken) -> None:
        super().__init__("\n\n".join(map(str, broken)))
        self.broken = broken
        self.claim, self.evidence, self.smallest = broken[0].claim, broken[0].evidence, broken[0].smallest
