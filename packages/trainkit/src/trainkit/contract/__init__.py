"""What any training run must keep, as a suite: `check(build)` names in plain words the claim that failed."""

from .check import ContractBroken, Trial, check

__all__ = ["ContractBroken", "Trial", "check"]
