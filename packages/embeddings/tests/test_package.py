import subprocess
import sys

import pytest
import torch

from embeddings import project


def test_without_the_extra_the_call_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.decomposition", None)
    with pytest.raises(ImportError, match=r"wanted sklearn.decomposition, .* install the extra: embeddings\[plots\]"):
        project(torch.randn(5, 3))


def test_the_import_loads_nothing_of_the_extra():
    extra = ("sklearn", "umap", "numba", "matplotlib", "tyro", "safetensors")
    code = f"import sys, embeddings; print([name for name in {extra} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "[]\n"
