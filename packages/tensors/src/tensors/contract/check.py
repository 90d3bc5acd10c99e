"""Try every claim and say which do not hold."""

import logging

from .claims import CLAIMS
from .comparison import Difference
from .engine import Engine, MissingOperation

logger = logging.getLogger(__name__)


class ContractError(AssertionError):
    """At least one claim does not hold; `failures` has a text for each, and the message is all of them."""

    def __init__(self, failures: list[str]) -> None:
        super().__init__("\n\n".join(failures))
        self.failures = failures


def check(engine: Engine, *, arrays: bool = True) -> list[str]:
    """Try every claim on `engine` and return those that hold; ContractError names those that do not.

    `arrays=False` is for engines over single numbers. Claims that need an operation which the engine lacks are left out
    (and logged).
    """
    held, failures = [], []
    for claim in CLAIMS:
        if claim.arrays and not arrays:
            continue
        try:
            claim.attempt(engine)
            held.append(claim.words)
        except MissingOperation as missing:
            logger.info("left out, for want of %s: %s", missing, claim.words)
        except Exception as error:  # whatever an engine does wrong is a broken claim
            said = str(error) if isinstance(error, Difference) else f"  it raised {type(error).__name__}: {error}"
            failures.append(f"broken claim: {claim.words}\n{said}")
    if failures:
        raise ContractError(failures)
    return held
