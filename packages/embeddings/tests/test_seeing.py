"""Projections against scikit-learn, pictures by what is drawn in them, projector files by reading them back."""

import hashlib
import logging
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

decomposition = pytest.importorskip("sklearn.decomposition", reason="needs the extra embeddings[plots]")
manifold = pytest.importorskip("sklearn.manifold", reason="needs the extra embeddings[plots]")
pytest.importorskip("matplotlib", reason="needs the extra embeddings[plots]")

from matplotlib.image import imread  # noqa: E402

from embeddings import Projection, compare, heat_map, plot, project, similarity_map, wavelengths  # noqa: E402

CENTERS = 8 * torch.eye(3, 10)


@pytest.fixture
def clusters():
    return CENTERS.repeat_interleave(20, 0) + torch.randn(60, 10)


def test_pca_is_scikit_learns_up_to_sign(clusters):
    ours, theirs = project(clusters), decomposition.PCA(2, svd_solver="full").fit(clusters.numpy())
    np.testing.assert_allclose(np.abs(ours.coordinates), np.abs(theirs.transform(clusters.numpy())), atol=1e-4)
    assert ours.explained_variance == pytest.approx(theirs.explained_variance_ratio_.sum())


def test_pca_of_many_points_is_that_of_few(clusters):
    many = clusters.repeat(3, 1)  # above ten times the width: another solver
    ours, theirs = project(many), decomposition.PCA(2, svd_solver="full").fit_transform(many.numpy())
    np.testing.assert_allclose(np.abs(ours.coordinates), np.abs(theirs), atol=1e-3)


def test_trustworthiness_is_scikit_learns(clusters):
    ours = project(clusters)
    assert ours.trustworthiness == manifold.trustworthiness(clusters.numpy(), ours.coordinates, n_neighbors=5)


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_clusters_stay_together_and_seeds_repeat_bit_for_bit(clusters, method):
    if method == "umap":
        pytest.importorskip("umap", reason="needs the extra embeddings[plots]")
    first, second = (project(clusters, method, seed=1, neighbours=10) for _ in range(2))
    assert np.array_equal(first.coordinates, second.coordinates)
    groups = first.coordinates.reshape(3, 20, 2)
    spread = np.linalg.norm(groups - groups.mean(1, keepdims=True), axis=-1).max()
    apart = min(np.linalg.norm(groups[i].mean(0) - groups[j].mean(0)) for i, j in ((0, 1), (0, 2), (1, 2)))
    assert apart > spread
    assert first.trustworthiness > 0.8


CHECKSUM = """
import hashlib, sys, torch
from embeddings import project
vectors = torch.randn(60, 8, generator=torch.Generator().manual_seed(0))
for method in sys.argv[1:]:
    print(hashlib.sha256(project(vectors, method, seed=5).coordinates.tobytes()).hexdigest())
"""


@pytest.mark.parametrize("methods", [["pca", "tsne"], pytest.param(["umap"], marks=pytest.mark.slow)], ids=str)
def test_another_process_lays_out_the_same_bit_for_bit(methods):
    if "umap" in methods:
        pytest.importorskip("umap", reason="needs the extra embeddings[plots]")
    command, hashing = [sys.executable, "-c", CHECKSUM, *methods], {**os.environ, "PYTHONHASHSEED": "7"}
    there = subprocess.run(command, capture_output=True, check=True, text=True, env=hashing).stdout.split()
    vectors = torch.randn(60, 8, generator=torch.Generator().manual_seed(0))
    coordinates = [project(vectors, method, seed=5).coordinates for method in methods]
    assert there == [hashlib.sha256(array.tobytes()).hexdigest() for array in coordinates]


def test_progress_goes_to_the_log_and_nothing_is_printed(clusters, caplog, capsys):
    with caplog.at_level(logging.INFO, logger="embeddings.pictures.projections"):
        project(clusters, "tsne")
    assert any("Iteration" in record.message for record in caplog.records)
    assert capsys.readouterr().out == ""


def test_labels_never_overlap_and_the_first_ones_win():
    points = Projection(np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32), "pca", 1.0)
    figure = plot(points, [f"label {i}" for i in range(300)], groups=[str(i % 3) for i in range(300)], theme="dark")
    axes = figure.axes[0]
    boxes = [note.get_window_extent() for note in axes.texts]
    assert axes.texts[0].get_text() == "label 0"
    assert 20 < len(boxes) < 300
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["0", "1", "2"]


def test_heat_map_shows_the_vectors_and_their_wavelengths():
    vectors = torch.randn(12, 8)
    axes = heat_map(vectors, wavelengths=wavelengths(8)).axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), vectors.numpy())
    assert axes.child_axes[0].get_xticklabels()[0].get_text() == "6"


def test_similarity_map_shows_cosines():
    vectors = torch.randn(4, 6)
    shown = similarity_map(vectors, list("abcd")).axes[0].images[0].get_array()
    np.testing.assert_allclose(shown, cosine(vectors), atol=1e-6)


@pytest.mark.parametrize("n", [3, 40, 200])
def test_labels_of_a_similarity_map_stand_apart_and_inside(n):
    figure = similarity_map(torch.randn(n, 6), [f"a label too long to be shown, {i}" for i in range(n)])
    figure.canvas.draw()
    for labels in (figure.axes[0].get_xticklabels(), figure.axes[0].get_yticklabels()):
        boxes = [label.get_window_extent() for label in labels]
        assert len(boxes) == min(n, 40)
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
        assert all(figure.bbox.fully_containsx(x) for box in boxes for x in (box.x0, box.x1))
        assert all(figure.bbox.fully_containsy(y) for box in boxes for y in (box.y0, box.y1))


def cosine(vectors):
    return torch.nn.functional.cosine_similarity(vectors[:, None], vectors[None], dim=-1).numpy()


def test_comparison_has_a_panel_for_each_method(clusters):
    pytest.importorskip("umap", reason="needs the extra embeddings[plots]")
    titles = [axes.get_title() for axes in compare(clusters).axes]
    assert [title.split(":")[0] for title in titles] == ["pca", "tsne", "umap"]


BAD = [
    (lambda: project(torch.full((4, 3), torch.nan)), "finite vectors; got NaN or infinity in 4 of 4 rows"),
    (lambda: project(torch.randn(1, 3)), r"at least 3 points.*got vectors \[1, 3\] and 2"),
    (lambda: project(torch.randn(5)), r"at least 3 points.*got vectors \[5\] and 2"),
    (lambda: project(torch.ones(5, 3)), "points that differ; got 5 times the same"),
    (lambda: project(torch.randn(9, 3), "tsne", neighbours=9), "neighbours from 2 to 8 for 9 points; got 9"),
    (lambda: project(torch.randn(9, 3), "umap", neighbours=20), "neighbours from 2 to 8 for 9 points; got 20"),
    (lambda: heat_map(torch.full((4, 3), torch.inf)), "finite vectors; got NaN or infinity in 4 of 4 rows"),
    (lambda: similarity_map(torch.full((4, 3), torch.nan)), "finite vectors; got NaN or infinity in 4 of 4 rows"),
    (lambda: project(torch.randn(9, 3), "mds"), "a method of pca, tsne, umap; got 'mds'"),
    (lambda: plot(project(torch.randn(9, 3)), ["a"]), "wanted labels for 9 points; got 1"),
    (lambda: plot(project(torch.randn(9, 3)), theme="pink"), "a theme of light, dark; got 'pink'"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_refused_with_what_to_do(unchecked, call, message):
    with pytest.raises(ValueError, match=message) as refused:
        call()
    assert re.match("wanted .*; got .*; .", str(refused.value))


def test_sprites_stand_on_one_sheet_row_by_row(tmp_path):
    from embeddings import export_projector

    images = torch.linspace(0, 1, 5)[:, None, None].expand(5, 2, 2)
    export_projector(tmp_path, torch.randn(5, 3), {"name": list("abcde")}, images=images)
    sheet = imread(tmp_path / "sprites.png")[::2, ::2, 0]
    assert sheet.shape == (3, 3)
    np.testing.assert_allclose(sheet.flatten()[:5], np.linspace(0, 1, 5), atol=0.01)
