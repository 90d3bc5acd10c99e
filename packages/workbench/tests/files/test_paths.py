"""Paths as people type them."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from workbench import expanded, parsed, with_expanded_paths


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


@pytest.fixture
def no_home(monkeypatch):
    """As in a container whose user has no entry."""
    monkeypatch.setattr("os.path.expanduser", lambda path: str(path))


@pytest.mark.parametrize("name", ["~backup.txt", "~$report.csv", "a/~/b", "a~", "", "-"])
def test_only_a_home_is_expanded(home, name):
    assert expanded(name) == Path(name)
    assert expanded("~") == home
    assert expanded(Path("~/runs/001")) == home / "runs" / "001"


@pytest.mark.parametrize("path", ["~", "~/runs"])
def test_no_folder_is_named_tilde_where_there_is_no_home(no_home, path):
    with pytest.raises(ValueError, match=r"^wanted a home folder for ~ in ~.*, got none; write the whole path"):
        expanded(path)
    assert expanded("~backup.txt") == Path("~backup.txt")


@dataclass(frozen=True)
class Inner:
    folder: Path | None = None


@dataclass(frozen=True)
class Settings:
    out: Path = Path("~/a")
    more: tuple[Path, ...] = ()
    inner: Inner = field(default_factory=Inner)
    text: str = "~/as it is"


def test_every_path_of_the_settings_is_expanded_and_no_text(home):
    given = parsed("x", None, Settings, ["--out=~/o", "--more", "~/p", "q", "--inner.folder=~/f"])
    assert given == Settings(home / "o", (home / "p", Path("q")), Inner(home / "f"))
    assert parsed("x", None, Settings, []).out == home / "a"
    same = Settings(Path("/a"))
    assert with_expanded_paths(same) is same


def test_without_a_home_a_typed_tilde_is_said(no_home):
    with pytest.raises(ValueError, match="wanted a home folder"):
        parsed("x", None, Settings, ["--out=~/o"])
