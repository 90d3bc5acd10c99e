"""What any encoding of positions must keep to, as claims to hold against yours."""

from .check import BrokenClaim, check, check_rotation, hold

__all__ = ["BrokenClaim", "check", "check_rotation", "hold"]
