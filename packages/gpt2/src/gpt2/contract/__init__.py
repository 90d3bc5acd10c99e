"""What any GPT-2 must keep to, as claims that can be held against yours: `contract.check(my_model)`."""

from workbench import BrokenClaim, Held

from .check import check, measure

__all__ = ["BrokenClaim", "Held", "check", "measure"]
