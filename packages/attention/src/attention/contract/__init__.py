"""What any attention must keep to, as claims that can be held against yours: `contract.check(my_attention)`."""

from .causal import CAUSAL_CLAIMS
from .check import check, hold
from .evidence import BrokenClaim, differ
from .masks import GRADIENT_CLAIMS, STEP_CLAIMS
from .subjects import ModuleSubject

__all__ = ["CAUSAL_CLAIMS", "GRADIENT_CLAIMS", "STEP_CLAIMS", "BrokenClaim", "ModuleSubject", "check", "differ", "hold"]
