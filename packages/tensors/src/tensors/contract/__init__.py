"""What any reverse-mode autodiff engine should keep, as claims that can be tried on yours; torch is the judge.

    from tensors import contract

    mine = contract.Engine(value=my_engine.Variable, operations=contract.OPERATIONS | {"relu": my_engine.relu})
    contract.check(mine)

Each claim is tried on the smallest inputs first, and the first that shows a difference is reported with what was wanted
and what came. Only torch is needed, and `workbench`, which needs nothing.
"""

from workbench import BrokenClaim, Held

from .check import check
from .claims import CLAIMS, Claim
from .engine import OPERATIONS, TORCH, Engine

__all__ = ["CLAIMS", "OPERATIONS", "TORCH", "BrokenClaim", "Claim", "Engine", "Held", "check"]
