"""One variable says where everything is kept that can be made again."""

import sys
from pathlib import Path

import pytest

from workbench import cache_folder


def test_the_variable_counts_first(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("TENSORS_TO_GPT2_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    assert cache_folder("kernels", "a") == tmp_path / "own" / "kernels" / "a"
    assert not (tmp_path / "own").exists()


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="where Linux keeps it")
def test_else_it_is_the_user_s_cache(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("TENSORS_TO_GPT2_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder("kernels") == tmp_path / "tensors-to-gpt2" / "kernels"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "tensors-to-gpt2"


def test_without_a_home_no_folder_is_named_tilde(monkeypatch):
    for name in ("TENSORS_TO_GPT2_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *name, **options: Path("~/.cache/tensors-to-gpt2"))
    with pytest.raises(ValueError, match=r"^wanted a home folder to keep files in, got none; set HOME, or TENSORS_TO"):
        cache_folder("mnist")


def test_platformdirs_own_error_is_the_same_sentence(monkeypatch):
    """Newer versions raise where older ones give "~/.cache" as it stands; whichever is installed."""
    for name in ("TENSORS_TO_GPT2_CACHE", "XDG_CACHE_HOME", "HOME", "USERPROFILE"):
        monkeypatch.delenv(name, raising=False)

    def nowhere(*name: object, **options: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("platformdirs.user_cache_path", nowhere)
    with pytest.raises(ValueError, match=r"^wanted a home folder to keep files in, got none; set HOME, or TENSORS_TO"):
        cache_folder("mnist")


@pytest.mark.skipif(sys.platform != "linux", reason="where Linux keeps it")
def test_nor_is_there_one_where_python_finds_no_home(monkeypatch):
    for name in ("TENSORS_TO_GPT2_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", str)
    with pytest.raises(ValueError, match=r"^wanted a home folder to keep files in, got none"):
        cache_folder()


def test_the_variable_may_begin_with_a_tilde(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("TENSORS_TO_GPT2_CACHE", "~/kept")
    assert cache_folder("mnist") == tmp_path / "kept" / "mnist"
