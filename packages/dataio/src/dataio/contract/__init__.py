"""What every resumable loader promises, as checks for yours: `check(make)` names one that fails."""

from workbench import BrokenClaim, Held

from .check import ONE_PROCESS, check

__all__ = ["ONE_PROCESS", "BrokenClaim", "Held", "check"]
