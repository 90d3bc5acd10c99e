"""Projections against scikit-learn."""

import hashlib
import logging
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from embeddings import project

decomposition = pytest.importorskip("sklearn.decomposition", reason="needs the extra embeddings[plots]")
manifold = pytest.importorskip("sklearn.manifold", reason="needs the extra embeddings[plots]")

pytestmark = pytest.mark.extras


CENTERS = 8 * torch.eye(3, 10)


@pytest.fixture
def clusters():
    return CENTERS.repeat_interleave(20, 0) + torch.randn(60, 10)


CHECKSUM = """
import hashlib, sys, torch
from embeddings import project
vectors = torch.randn(60, 8, generator=torch.Generator().manual_seed(0))
for method in sys.argv[1:]:
    print(hashlib.sha256(project(vectors, method, seed=5).coordinates.tobytes()).hexdigest())
"""


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: project(torch.full((4, 3), torch.nan)), "finite vectors, got NaN or infinity in 4 of 4 rows"),
        (lambda: project(torch.randn(1, 3)), r"at least 3 points.*got vectors \[1, 3\] and 2"),
        (lambda: project(torch.randn(5)), r"at least 3 points.*got vectors \[5\] and 2"),
        (lambda: project(torch.ones(5, 3)), "points that differ, got 5 times the same"),
        (lambda: project(torch.randn(9, 3), "tsne", neighbours=9), "neighbours from 2 to 8 for 9 points, got 9"),
        (lambda: project(torch.randn(9, 3), "umap", neighbours=20), "neighbours from 2 to 8 for 9 points, got 20"),
        (lambda: project(torch.randn(9, 3), "mds"), "a method of pca, tsne, umap, got 'mds'"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(call, message, refused):
    refused(call, message)
