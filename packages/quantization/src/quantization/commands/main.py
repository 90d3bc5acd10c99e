"""The command `quantization`. torch is imported only once the arguments are known to make sense."""

from collections.abc import Callable, Sequence
from typing import Any

from decoding import run_generate
from workbench import answered, parsed, spin_briefly

from .convert import run_convert
from .settings import Benchmark, Convert, GenerateSmall, Report, Search

COMMANDS: dict[str, Any] = {
    "convert": Convert,
    "generate": GenerateSmall,
    "report": Report,
    "search": Search,
    "benchmark": Benchmark,
}
ABOUT = "The same model in a quarter of the bytes, with what it costs measured."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, as `workbench.answered` gives it."""

    def work() -> None:
        command = parsed("quantization", ABOUT, COMMANDS, arguments)
        if not isinstance(command, Benchmark):  # which shows what the machine can do
            spin_briefly()
        action(command)(command)

    return answered("quantization", work, logs="quantization: %(message)s", spin=False)


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
