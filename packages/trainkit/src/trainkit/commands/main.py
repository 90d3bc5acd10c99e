"""The `trainkit` command: what a checkpoint holds, how two differ. Imports torch once the arguments are right."""

import sys
from collections.abc import Sequence

from workbench import answered, parsed

from .settings import COMMANDS, Inspect


def main(arguments: Sequence[str] | None = None) -> None:
    """Ends with 0, or 1 where two checkpoints differ; other exit codes as `workbench.answered` has them."""
    sys.exit(answered("trainkit", lambda: _work(arguments)))


def _work(arguments: Sequence[str] | None) -> int:
    asked = parsed("trainkit", "Look into checkpoints.", COMMANDS, arguments)

    from .reports import describe, differences

    if isinstance(asked, Inspect):
        print(describe(asked.checkpoint))
        return 0
    lines = differences(asked.first, asked.second)
    print("\n".join(lines) or "the same tensors, bit for bit")
    return 1 if lines else 0
