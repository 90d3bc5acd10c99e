"""Examples that every Python brings: a function's head as the prompt, the first sentence of its docstring as answer."""

import ast
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAME = "docstrings"
"""What stands for these examples where a file could."""
LEFT_OUT = {"test", "tests", "idlelib", "lib2to3", "site-packages", "__pycache__"}
LONGEST = 200
"""Characters of a sentence that is still one."""


def docstring_records() -> Iterator[tuple[str, dict[str, Any]]]:
    """{"prompt", "completion"} of the standard library's functions, in the order of their files, each head once.

    Another version of Python gives other examples. Modules that cannot be read are passed over.
    """
    library = Path(sysconfig.get_paths()["stdlib"])
    seen: set[str] = set()
    for path in sorted(library.rglob("*.py")):
        place = path.relative_to(library)
        if LEFT_OUT & {*place.parts}:
            continue
        try:
            tree = ast.parse(path.read_text("utf-8"))
        except (OSError, ValueError, SyntaxError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (sentence := first_sentence(node)):
                head = f"def {node.name}({ast.unparse(node.args)}):"
                if head not in seen:
                    seen.add(head)
                    yield f"line {node.lineno} of {place}", {"prompt": f"{head}\n", "completion": sentence}


def first_sentence(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    """The first sentence of a function's docstring on one line; None where there is none, or none that ends."""
    words = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
    found = re.match(r"(.+?\.)(?= |$)", words)
    return found[1] if found and len(found[1]) <= LONGEST else None
