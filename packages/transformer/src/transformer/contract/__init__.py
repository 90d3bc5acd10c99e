"""What any block must keep to, as claims that can be held against yours: `contract.check(my_block)`."""

from workbench import BrokenClaim, Held

from .check import check

__all__ = ["BrokenClaim", "Held", "check"]
