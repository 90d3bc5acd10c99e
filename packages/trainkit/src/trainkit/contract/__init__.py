"""What any training run must keep, as a suite: `check(build)` names in plain words the claim that failed, and
`check_loss(loss)` that of a loss over classes."""

from workbench import BrokenClaim, Held

from .check import Trial, check
from .losses import check_loss

__all__ = ["BrokenClaim", "Held", "Trial", "check", "check_loss"]
