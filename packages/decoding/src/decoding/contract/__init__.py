"""What decoding takes for granted of a model, as claims that anyone's model can be tried against."""

from .check import check
from .verdicts import ContractError

__all__ = ["ContractError", "check"]
