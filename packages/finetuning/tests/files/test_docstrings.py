"""The examples that come with Python, judged by Python itself."""

import ast
import inspect
import textwrap

import pytest

from finetuning import read_records
from finetuning.files.docstrings import first_sentence


def test_examples_are_what_python_says_of_its_functions():
    found = {record["prompt"]: record["completion"] for _, record in read_records("docstrings")}
    assert len(found) > 2000
    for function in (textwrap.dedent, inspect.getdoc, ast.literal_eval):
        head = f"def {function.__name__}{inspect.signature(function)}:\n"
        own = " ".join(inspect.getdoc(function).split())
        assert own.startswith(found[head])
        assert found[head].endswith(".")


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("Do it.  Then rest.", "Do it."),
        ("Take\n    e.g.x 1.5 and end.\n\n    More.", "Take e.g.x 1.5 and end."),
        ("no end", None),
        ("x" * 300 + ".", None),
        ("", None),
    ],
)
def test_a_sentence_ends_at_a_stop_before_a_space(docstring, sentence):
    node = ast.parse(f"def f():\n    {docstring!r}\n").body[0]
    assert first_sentence(node) == sentence
