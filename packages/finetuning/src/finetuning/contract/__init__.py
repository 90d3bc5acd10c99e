"""What any adapter and any loss over answers must keep to, as claims that can be held against yours."""

from workbench import BrokenClaim, Held

from .check import check

__all__ = ["BrokenClaim", "Held", "check"]
