"""What any block must keep to, as claims that can be held against yours: `contract.check(my_block)`."""

from .check import BrokenClaim, check

__all__ = ["BrokenClaim", "check"]
