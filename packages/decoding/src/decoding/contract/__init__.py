"""What decoding takes for granted of a model, as claims that anyone's model can be tried against."""

from workbench import BrokenClaim, Held

from .check import check
from .choosing import check_probabilities

__all__ = ["BrokenClaim", "Held", "check", "check_probabilities"]
