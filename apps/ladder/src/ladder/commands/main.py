"""The command `ladder`. torch is imported by the processes in which code is checked, never here."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from workbench import answered, parsed

from .settings import Build, Check, Grade, Hint, Lesson, Reset, Show, Start, Status, Watch

PROG = "ladder"
COMMANDS: dict[str, tuple[Any, str]] = {
    "status": (Status, "climbing"),
    "start": (Start, "climbing"),
    "check": (Check, "checking"),
    "watch": (Watch, "checking"),
    "hint": (Hint, "climbing"),
    "show": (Show, "showing"),
    "reset": (Reset, "climbing"),
    "build": (Build, "building"),
    "grade": (Grade, "grading"),
    "lesson": (Lesson, "lessons"),
}
"""Each name with its settings and the module whose function of that name does the work."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, as `workbench.answered` gives it. No command: `status`."""

    def work() -> int | None:
        words = list(sys.argv[1:] if arguments is None else arguments)
        if not words or words[0].partition("=")[0] == "--dir":
            words = ["status", *words]
        kinds = {name: kind for name, (kind, _) in COMMANDS.items()}
        bare = {"start": "the folder comes once", "check": "one name at a time", "watch": "it watches all of them"}
        settings = parsed(PROG, "Write your own GPT-2, one checked exercise at a time.", kinds, words, bare=bare)
        name = next(name for name, kind in kinds.items() if type(settings) is kind)
        module = import_module(f".{COMMANDS[name][1]}", __package__)
        code: int | None = getattr(module, name)(settings)
        return code

    return answered(PROG, work)
