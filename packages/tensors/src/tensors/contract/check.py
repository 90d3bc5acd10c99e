"""Try every claim and say which do not hold."""

import logging

from workbench import Broken, BrokenClaim, Held

from .claims import CLAIMS
from .comparison import Difference
from .engine import Engine, MissingOperation

logger = logging.getLogger(__name__)


def check(engine: Engine, *, arrays: bool = True) -> Held:
    """Try every claim on `engine` and return those that hold; BrokenClaim names those that do not.

    `arrays=False` is for engines over single numbers. Claims that need an operation which the engine lacks are left out
    (and logged).
    """
    held: list[str] = []
    broken: list[Broken] = []
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
            broken.append(Broken(claim.words, f"\n{said}"))
    if broken:
        raise BrokenClaim(*broken)
    return Held(held)
