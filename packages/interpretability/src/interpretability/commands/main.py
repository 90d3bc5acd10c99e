"""The command `interpretability`. torch is imported only once the arguments are known to make sense."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from workbench import answered, parsed

from .measure_settings import Features, Heads, Induction, Lens, Neurons, Probe
from .settings import Ablate, Attribute, Patch

PROG = "interpretability"
COMMANDS: dict[str, Any] = {
    "lens": Lens,
    "attribute": Attribute,
    "heads": Heads,
    "ablate": Ablate,
    "patch": Patch,
    "neurons": Neurons,
    "features": Features,
    "probe": Probe,
    "induction": Induction,
}
"""Each name with its settings; its work is `run` in the module of that name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, as `workbench.answered` gives it."""

    def work() -> int | None:
        settings = parsed(PROG, "What goes on inside a GPT-2.", COMMANDS, arguments)
        name = next(name for name, kind in COMMANDS.items() if type(settings) is kind)
        code: int | None = import_module(f".{name}", __package__).run(settings)
        return code

    return answered(PROG, work)
