"""What a learner's file may not do: import the solution, or call what does the exercise by itself."""

import ast
import builtins
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any

OURS = frozenset(
    {
        *("ladder", "workbench", "tensors", "dataio", "trainkit", "embeddings", "attention", "transformer", "gpt2"),
        *("decoding", "evaluation", "quantization", "finetuning", "interpretability", "serving"),
        *("mnist_trainer", "gpt2_trainer", "experiments"),
    }
)
"""Packages of this workspace."""
MODULE = "exercise_of_the_learner_"
"""How the modules of learners' files begin."""


class Refused(Exception):
    """What a learner's code may not do, in a sentence."""


def refused(tree: ast.Module, without: Collection[str]) -> str | None:
    """The first thing in a file that is not allowed, in a sentence with its line; None where all is."""
    nodes: list[Any] = list(ast.walk(tree))
    found = sorted((node.lineno, words) for node in nodes for words in _found(node, without))
    return f"line {found[0][0]}: {found[0][1]}" if found else None


def _found(node: Any, without: Collection[str]) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        for name in names:
            if name.partition(".")[0] in OURS:
                yield f"{name} is the solution, or holds it; write yours without it"
            elif name.partition(".")[0] == "importlib":
                yield "importlib is not needed here; import what you need by its name"
        for alias in node.names:
            if alias.name.rpartition(".")[2] in without:
                yield _by_itself(alias.name)
    elif isinstance(node, ast.Attribute) and node.attr in without:
        yield _by_itself(node.attr)
    elif isinstance(node, ast.Name) and node.id in ("__import__", "exec", "eval"):
        yield f"{node.id} is not needed here; write the code itself"


def _by_itself(name: str) -> str:
    return f"{name} does this exercise by itself; write it without"


def watch_imports() -> None:
    """From now on an import of our packages that comes from a learner's module raises Refused."""
    usual = builtins.__import__

    def watched(name: str, globals: Mapping[str, Any] | None = None, *rest: Any, **named: Any) -> Any:
        here = str(sys._getframe(1).f_globals.get("__name__", ""))
        if here.startswith(MODULE) and name.partition(".")[0] in OURS:
            raise Refused(f"{name} is the solution, or holds it; write yours without it")
        return usual(name, globals, *rest, **named)

    builtins.__import__ = watched
