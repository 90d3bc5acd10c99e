"""The lesson of a package as a notebook: the blocks of Python become cells, all else is text (nbformat 4.5)."""

import hashlib
import json
import re
from email import message_from_string
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

BLOCK = re.compile(r"^```python\n(.*?)^```\n?", re.DOTALL | re.MULTILINE)
LESSONS = (
    *("workbench", "tensors", "dataio", "trainkit", "mnist_trainer", "embeddings", "attention", "transformer", "gpt2"),
    *("decoding", "evaluation", "gpt2_trainer", "quantization", "finetuning", "interpretability", "serving", "ladder"),
)
"""Members with a lesson, in reading order."""


def lesson(name: str) -> str:
    """The README of an installed package. ValueError for another name, or one that is not installed."""
    if name not in LESSONS:
        raise ValueError(f"wanted a package with a lesson, got {name!r}; {', '.join(LESSONS)} have one")
    try:
        told = distribution(name).read_text("METADATA") or ""
    except PackageNotFoundError:
        raise ValueError(f"{name}: wanted an installed package, got one that is not; install it") from None
    return str(message_from_string(told).get_payload())


def notebook(text: str) -> dict[str, Any]:
    """A lesson in Markdown as what an .ipynb file holds."""
    cells, end = [], 0
    for block in BLOCK.finditer(text):
        cells += [_cell("markdown", text[end : block.start()]), _cell("code", block[1])]
        end = block.end()
    cells.append(_cell("markdown", text[end:]))
    kept = [cell for cell in cells if cell["source"]]
    for number, cell in enumerate(kept):
        cell["id"] = hashlib.sha256(f"{number} {cell['source']}".encode()).hexdigest()[:12]
    python = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": kept,
        "metadata": {"kernelspec": python, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cell(kind: str, text: str) -> dict[str, Any]:
    code: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": text.strip("\n").splitlines(keepends=True), **code}


def as_file(text: str) -> str:
    """The content of an .ipynb file."""
    return f"{json.dumps(notebook(text), indent=1, ensure_ascii=False)}\n"
