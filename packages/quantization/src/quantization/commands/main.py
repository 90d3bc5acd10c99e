"""The command `quantization`. torch is imported only once the arguments are known to make sense."""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from decoding import run_generate
from tensors import spin_briefly

from .convert import run_convert
from .settings import Benchmark, Convert, GenerateSmall, Report, Search

BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 2, 130, 141  # the last two as a shell reports SIGINT and SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 2 for bad input or a missing extra, 130 after Ctrl-C, 141 when the
    reader left."""
    try:
        command = tyro.extras.subcommand_cli_from_dict(
            {
                "convert": Convert,
                "generate": GenerateSmall,
                "report": Report,
                "search": Search,
                "benchmark": Benchmark,
            },
            prog="quantization",
            description="The same model in a quarter of the bytes, with what it costs measured.",
            args=arguments,
        )
        if not isinstance(command, Benchmark):  # which shows what the machine can do
            spin_briefly()
        logging.basicConfig(format="quantization: %(message)s", stream=sys.stderr)
        action(command)(command)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes standard output once more on its way out; give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except (ValueError, OSError, ImportError) as error:
        print(f"quantization: {error}", file=sys.stderr)
        return BAD_INPUT
    return 0


def action(command: Any) -> Callable[[Any], None]:
    """What a parsed command does."""
    if isinstance(command, GenerateSmall):
        return generate
    if isinstance(command, Convert):
        return run_convert
    if isinstance(command, Benchmark):
        from .benchmark import run_benchmark

        return run_benchmark
    from .report import run_report, run_search

    return run_report if isinstance(command, Report) else run_search


def generate(command: GenerateSmall) -> None:
    """decoding's own command, given a quantized model."""
    from ..costs.small_cache import with_small_cache
    from ..files.gpt2 import load

    def opened(folder: str) -> Any:
        model, tokenizer = load(folder)
        return with_small_cache(model) if command.cache == "int8" else model, tokenizer

    run_generate(command, opened)
