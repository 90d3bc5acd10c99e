"""Every member shows its names and its version."""

import importlib
import pydoc
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MEMBERS = sorted(path.parent.name for path in ROOT.glob("*/*/pyproject.toml"))
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


@pytest.mark.parametrize("name", MEMBERS)
def test_members_list_their_names_and_know_their_version(name: str) -> None:
    package = importlib.import_module(name)
    assert package.__version__ == VERSION
    assert {"__version__", "__doc__", *package.__all__} <= set(dir(package))
    assert f"VERSION\n    {VERSION}" in pydoc.render_doc(package, renderer=pydoc.plaintext)
