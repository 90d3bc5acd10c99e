"""The command `serving`. torch is imported only once the arguments are known to make sense."""

from collections.abc import Callable, Sequence
from typing import Any

from workbench import answered, parsed

from .bench import run_bench
from .hand_off import run_hand_off
from .outside_settings import Bench, HandOff
from .replay import replay
from .run import run
from .settings import Replay, Run

COMMANDS: dict[str, tuple[type, Callable[[Any], int | None]]] = {
    "run": (Run, run),
    "replay": (Replay, replay),
    "bench": (Bench, run_bench),
    "hand-off": (HandOff, run_hand_off),
}
"""Each command's settings, and what does its work and returns its exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, as `workbench.answered` gives it."""
    kinds = {name: kind for name, (kind, _) in COMMANDS.items()}
    works = dict(COMMANDS.values())

    def work() -> int | None:
        command = parsed(
            "serving",
            "A model folder as an API.",
            kinds,
            arguments,
            bare={"run": "one MODEL is enough, others have names: --model NAME={word}"},
        )
        return works[type(command)](command)

    return answered("serving", work)
