"""What any training run must keep, as a suite: `check(build)` names in plain words the claim that failed."""

from workbench import BrokenClaim, Held

from .check import Trial, check

__all__ = ["BrokenClaim", "Held", "Trial", "check"]
