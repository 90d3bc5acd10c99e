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
