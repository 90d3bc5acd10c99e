"""What any attention must keep to, as claims that can be held against yours: `contract.check(my_attention)`."""

from .check import CAUSAL_CLAIMS, GRADIENT_CLAIMS, STEP_CLAIMS, BrokenClaim, ModuleSubject, check, hold

__all__ = ["CAUSAL_CLAIMS", "GRADIENT_CLAIMS", "STEP_CLAIMS", "BrokenClaim", "ModuleSubject", "check", "hold"]
