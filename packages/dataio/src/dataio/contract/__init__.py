"""What every resumable loader promises, as checks for yours: `check(make)` names one that fails."""

from .check import ONE_PROCESS, ContractError, check

__all__ = ["ONE_PROCESS", "ContractError", "check"]
