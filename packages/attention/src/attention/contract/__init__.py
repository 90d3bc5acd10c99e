"""What any attention must keep to, as claims that can be held against yours: `contract.check(my_attention)`."""

from workbench import BrokenClaim, Held

from .causal import CAUSAL_CLAIMS
from .check import check, hold
from .equation import equation
from .evidence import differ
from .masks import GRADIENT_CLAIMS, STEP_CLAIMS
from .sight import SIGHT_CLAIMS, against
from .subjects import ModuleSubject

__all__ = [
    "CAUSAL_CLAIMS",
    "GRADIENT_CLAIMS",
    "SIGHT_CLAIMS",
    "STEP_CLAIMS",
    "BrokenClaim",
    "Held",
    "ModuleSubject",
    "against",
    "check",
    "differ",
    "equation",
    "hold",
]
