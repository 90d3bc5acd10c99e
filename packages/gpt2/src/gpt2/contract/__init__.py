"""What any GPT-2 must keep to, as claims that can be held against yours: `contract.check(my_model)`."""

from .check import BrokenClaim, check, measure

__all__ = ["BrokenClaim", "check", "measure"]
