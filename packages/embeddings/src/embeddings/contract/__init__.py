"""What any encoding of positions must keep to, as claims to hold against yours."""

from workbench import BrokenClaim, Held

from .check import check, check_rotation, hold

__all__ = ["BrokenClaim", "Held", "check", "check_rotation", "hold"]
