"""The `trainkit` command: what a checkpoint holds, how two differ. Imports torch once the arguments are right."""

import sys
from pathlib import Path
from typing import Annotated

import tyro


def inspect(checkpoint: Annotated[Path, tyro.conf.Positional]) -> int:
    """Show what a checkpoint holds, after reading every byte of it.

    Args:
        checkpoint: A folder such as RUN/checkpoints/step-000200, or the folder of checkpoints: then its latest.
    """
    from .reports import describe

    print(describe(checkpoint))
    return 0


def diff(first: Annotated[Path, tyro.conf.Positional], second: Annotated[Path, tyro.conf.Positional]) -> int:
    """Compare two checkpoints tensor by tensor; exit code 0 if they hold the same, 1 if not.

    Args:
        first: A checkpoint's folder, or a folder of checkpoints: then its latest.
        second: The one to compare it with.
    """
    from .reports import differences

    lines = differences(first, second)
    print("\n".join(lines) or "the same tensors, bit for bit")
    return 1 if lines else 0


def main(arguments: list[str] | None = None) -> None:
    """Exit code 2 for input that cannot be used, with a message that says what to do."""
    try:
        code = tyro.extras.subcommand_cli_from_dict({"inspect": inspect, "diff": diff}, prog="trainkit", args=arguments)
    except (ValueError, OSError) as error:
        print(f"trainkit: {error}", file=sys.stderr)
        code = 2
    sys.exit(code)
