"""What any block must keep to, as claims that can be held against yours: `contract.check(my_block)`."""

from attention.contract import BrokenClaim

from .check import check

__all__ = ["BrokenClaim", "check"]
