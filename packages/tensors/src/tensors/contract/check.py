"""Try every claim and say which do not hold."""

from workbench import Broken, BrokenClaim, Held

from .claims import CLAIMS
from .comparison import Difference
from .engine import Engine, MissingOperation


def check(engine: Engine, *, arrays: bool = True) -> Held:
    """Try every claim on `engine` and return those that hold; BrokenClaim names those that do not.

    `arrays=False` is for engines over single numbers. Claims that it leaves out, and those that need an operation which
    the engine lacks, are in `Held.not_judged`.
    """
    held: list[str] = []
    broken: list[Broken] = []
    left_out: list[str] = []
    for claim in CLAIMS:
        if claim.arrays and not arrays:
            left_out.append(f"{claim.words} (leave out arrays=False)")
            continue
        try:
            claim.attempt(engine)
            held.append(claim.words)
        except MissingOperation as missing:
            left_out.append(f"{claim.words} (give the engine {missing})")
        except Exception as error:  # whatever an engine does wrong is a broken claim
            said = str(error) if isinstance(error, Difference) else f"  it raised {type(error).__name__}: {error}"
            broken.append(Broken(claim.words, f"\n{said}"))
    if broken:
        raise BrokenClaim(*broken)
    return Held(held, left_out)
