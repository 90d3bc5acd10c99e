"""The projector's files read back as TensorBoard would, and what is said when the extra is not installed."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from embeddings import export_projector, project


def test_files_hold_the_vectors_and_their_names(tmp_path):
    vectors = torch.randn(3, 4)
    export_projector(tmp_path / "logs", vectors, {"word": ["a\tb", "c", ""], "kind": ["x", "y", "z"]})
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "logs/vectors.tsv", dtype=np.float32), vectors.numpy())
    assert (tmp_path / "logs/metadata.tsv").read_text() == "word\tkind\na b\tx\nc\ty\n-\tz\n"
    assert 'tensor_path: "vectors.tsv"' in (tmp_path / "logs/projector_config.pbtxt").read_text()


def test_one_column_has_no_line_of_names(tmp_path):
    export_projector(tmp_path, torch.randn(2, 2), {"word": ["a", "a"]})
    assert (tmp_path / "metadata.tsv").read_text() == "a\na\n"


@pytest.mark.parametrize("metadata", [{}, {"word": ["a"]}])
def test_columns_of_another_length_are_refused(tmp_path, metadata):
    with pytest.raises(ValueError, match=r"metadata columns of 2 values, at least one; got .*; pass one"):
        export_projector(tmp_path, torch.randn(2, 2), metadata)


def test_images_that_do_not_fit_are_refused(tmp_path, unchecked):
    with pytest.raises(ValueError, match=r"wanted 2 images .*; got 3 of 4 x 4; pass"):
        export_projector(tmp_path, torch.randn(2, 2), {"word": ["a", "b"]}, images=torch.zeros(3, 4, 4))


def test_without_the_extra_the_call_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.decomposition", None)
    with pytest.raises(ImportError, match=r"wanted sklearn.decomposition .* install the extra: embeddings\[plots\]"):
        project(torch.randn(5, 3))


def test_the_import_loads_nothing_of_the_extra():
    extra = ("sklearn", "umap", "numba", "matplotlib", "tyro", "safetensors")
    code = f"import sys, embeddings; print([name for name in {extra} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "[]\n"
