"""The command `decoding`. torch is imported only once the arguments are known to make sense."""

import sys
from collections.abc import Sequence
from typing import Any

from workbench import answered, many, parsed, plain

from .generate import as_typed, run_generate
from .generate_settings import Generate

COMMANDS: dict[str, Any] = {"generate": Generate}
MOVED = {
    "score": "`evaluation score` for scores of texts",
    "evaluate": "`evaluation tasks` for scores in tasks",
    "compare": "`evaluation compare` for two models side by side",
}
"""Words that were commands here, and what the package `evaluation` has for them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, as `workbench.answered` gives it."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command: Generate | None = None

    def work() -> None:
        nonlocal command
        if words and words[0] in MOVED:
            raise ValueError(f"wanted the command generate, got {words[0]!r}; type {MOVED[words[0]]}")
        command = parsed("decoding", "From logits to text.", COMMANDS, words)
        run_generate(command)

    return answered(
        "decoding", work, said=lambda error: as_typed(plain(error)), left_behind=lambda: _where_it_stands(command)
    )


def _where_it_stands(command: Generate | None) -> str:
    """What an interrupted command leaves behind."""
    if command is None or command.out is None or not command.out.exists():
        return ""
    lines = many(command.out.read_bytes().count(b"\n"), "line")
    return f"{command.out} has {lines}, the same command with --resume goes on from there"
