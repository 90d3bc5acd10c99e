"""READMEs are tests: every fenced `python` block runs, top to bottom, in one namespace a file and in an empty folder.

Applies to every package without a line of its own. Also skips, with its reason, what this machine cannot run.
"""

import contextlib
import os
import tempfile
from typing import Any

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser


def enter_empty_folder(namespace: dict[str, Any]) -> None:
    stack = namespace["_leave"] = contextlib.ExitStack()
    folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    stack.enter_context(contextlib.chdir(folder))


def leave_folder(namespace: dict[str, Any]) -> None:
    namespace["_leave"].close()


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser()], filenames=["README.md"], setup=enter_empty_folder, teardown=leave_folder
).pytest()


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.path.name == "README.md":
        item.add_marker("extras")  # READMEs show what a package can do with all of its extras


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("network") and "TESTS_MAY_USE_NETWORK" not in os.environ:
        pytest.skip("needs the network: set TESTS_MAY_USE_NETWORK=1 to run it")
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")
