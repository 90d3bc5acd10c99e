"""The command `decoding`. torch is imported only once the arguments are known to make sense."""

import os
import sys
from collections.abc import Sequence

import tyro

from .command_outputs import many
from .evaluation_commands import run_evaluation
from .evaluation_settings import Compare, Evaluate, Score
from .generate_command import as_typed, run_generate
from .generate_settings import Generate

BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 2, 130, 141  # the last two as a shell reports SIGINT and SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 2 for bad input, 130 after Ctrl-C, 141 when the reader left."""
    # Threads that spin while they wait stall each other on a busy machine; must be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    command = None
    try:
        command = tyro.extras.subcommand_cli_from_dict(
            {"generate": Generate, "score": Score, "evaluate": Evaluate, "compare": Compare},
            prog="decoding",
            description="From logits to text, and from text to scores.",
            args=arguments,
        )
        if isinstance(command, Generate):
            run_generate(command)
        else:
            run_evaluation(command)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes standard output once more on its way out; give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        print(f"decoding: interrupted{_where_it_stands(command)}", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, OSError, ImportError) as error:
        print(f"decoding: {as_typed(str(error))}", file=sys.stderr)
        return BAD_INPUT
    return 0


def _where_it_stands(command: Generate | Score | Evaluate | Compare | None) -> str:
    """What an interrupted command leaves behind."""
    if command is None or command.out is None or not command.out.exists():
        return ""
    lines = many(command.out.read_bytes().count(b"\n"), "line")
    return f"; {command.out} has {lines}, the same command with --resume goes on from there"
