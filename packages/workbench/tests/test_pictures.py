"""A path that no picture can go to is refused before the work."""

import sys
from pathlib import Path

import pytest

from workbench import check_picture


@pytest.fixture
def with_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", sys)  # any module will do


@pytest.mark.usefixtures("with_matplotlib")
def test_what_a_picture_can_go_to(tmp_path: Path):
    for name in ("a.png", "a.svg", "a.pdf"):
        check_picture(tmp_path / name, "attention")


@pytest.mark.usefixtures("with_matplotlib")
@pytest.mark.parametrize("name", ["a.gif", "a", "no_folder/a.png"])
def test_what_it_cannot(tmp_path: Path, name):
    with pytest.raises(ValueError, match=r"^--picture: wanted a file with one of the endings \.png, \.svg, \.pdf, in "):
        check_picture(tmp_path / name, "attention", option="--picture")


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    check_picture(None, "attention")
    with pytest.raises(ImportError, match=r"install the extra: attention\[plots\]$"):
        check_picture(Path("a.png"), "attention")
