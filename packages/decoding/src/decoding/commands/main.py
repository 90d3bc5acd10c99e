"""The command `decoding`. torch is imported only once the arguments are known to make sense."""

import io
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from typing import Any

import tyro

from tensors import spin_briefly

from ..slips import nearest, slip, unframed
from .generate import as_typed, run_generate
from .generate_settings import Generate

COMMANDS: dict[str, Any] = {"generate": Generate}
MOVED = {
    "score": "`evaluation score` for scores of texts",
    "evaluate": "`evaluation tasks` for scores in tasks",
    "compare": "`evaluation compare` for two models side by side",
}
"""Words that were commands here, and what the package `evaluation` has for them."""
BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 2, 130, 141  # the last two as a shell reports SIGINT and SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 2 for bad input, 130 after Ctrl-C, 141 when the reader left."""
    spin_briefly()
    command = None
    try:
        command = parsed(sys.argv[1:] if arguments is None else arguments)
        run_generate(command)
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


def parsed(arguments: Sequence[str]) -> Generate:
    """The command that was typed; ValueError, in one line, for arguments that are wrong."""
    name = arguments[0] if arguments else ""
    if name in ("-h", "--help") or name.startswith("--tyro-"):
        tyro.extras.subcommand_cli_from_dict(
            COMMANDS, prog="decoding", description="From logits to text.", args=arguments
        )
    if name in MOVED:
        raise ValueError(f"wanted the command generate, got {name!r}; type {MOVED[name]}")
    if name not in COMMANDS:
        got = repr(name) if name else "none"
        raise ValueError(f"wanted one of the commands {', '.join(COMMANDS)}, got {got}; {nearest(name, COMMANDS)}")
    if found := slip(name, COMMANDS[name], arguments[1:]):
        raise ValueError(found)
    frame = io.StringIO()
    try:
        with redirect_stderr(frame):
            return tyro.cli(COMMANDS[name], prog=f"decoding {name}", args=arguments[1:])
    except SystemExit as end:
        if end.code:
            raise ValueError(f"{unframed(frame.getvalue())}; decoding {name} --help lists all") from None
        raise


def _where_it_stands(command: Generate | None) -> str:
    """What an interrupted command leaves behind."""
    if command is None or command.out is None or not command.out.exists():
        return ""
    count = command.out.read_bytes().count(b"\n")
    lines = "1 line" if count == 1 else f"{count} lines"
    return f"; {command.out} has {lines}, the same command with --resume goes on from there"
