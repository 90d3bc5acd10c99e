"""The projector's files read back as TensorBoard would."""

import numpy as np
import pytest
import torch

from embeddings import export_projector


@pytest.mark.extras
def test_sprites_stand_on_one_sheet_row_by_row(tmp_path):
    imread = pytest.importorskip("matplotlib.image", reason="needs the extra embeddings[plots]").imread
    images = torch.linspace(0, 1, 5)[:, None, None].expand(5, 2, 2)
    export_projector(tmp_path, torch.randn(5, 3), {"name": list("abcde")}, images=images)
    sheet = imread(tmp_path / "sprites.png")[::2, ::2, 0]
    assert sheet.shape == (3, 3)
    np.testing.assert_allclose(sheet.flatten()[:5], np.linspace(0, 1, 5), atol=0.01)


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
    with pytest.raises(ValueError, match=r"metadata columns of 2 values, at least one, got .*; pass one"):
        export_projector(tmp_path, torch.randn(2, 2), metadata)


def test_images_that_do_not_fit_are_refused(tmp_path, unchecked):
    with pytest.raises(ValueError, match=r"wanted 2 images .*, got 3 of 4 x 4; pass"):
        export_projector(tmp_path, torch.randn(2, 2), {"word": ["a", "b"]}, images=torch.zeros(3, 4, 4))
