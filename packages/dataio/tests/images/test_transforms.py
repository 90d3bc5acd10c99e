"""Transforms and their numbers, held against torchvision and NumPy."""

import sys

import numpy as np
import pytest
import torch

import dataio


@pytest.mark.extras
def test_to_tensor_scales_to_one():
    Image = pytest.importorskip("PIL.Image", reason="needs the extra dataio[images]")
    image = Image.fromarray(np.array([[0, 255]], dtype=np.uint8))
    tensor = dataio.to_tensor()(image)
    assert type(tensor) is torch.Tensor
    assert torch.equal(tensor, torch.tensor([[[0.0, 1.0]]]))


@pytest.mark.extras
def test_statistics_are_numpy_s_and_normalising_with_them_gives_mean_0_and_deviation_1():
    random = np.random.default_rng(0)
    images = (
        random.normal(size=(2500, 3, 4, 5)) * [[[0.1]], [[2.0]], [[1.0]]] + [[[1000.0]], [[0.0]], [[-3.0]]]
    ).astype(np.float32)
    dataset = dataio.ArrayDataset(images)
    measured = dataio.statistics(dataset)
    assert np.allclose(measured.mean, images.mean((0, 2, 3), dtype=np.float64), rtol=1e-12)
    assert np.allclose(measured.std, images.std((0, 2, 3), dtype=np.float64), rtol=1e-9)
    [(normal,)] = dataio.Batches(dataio.BatchTransformed(dataset, dataio.normalise(measured)), 2500)[0]
    assert normal.mean((0, 2, 3)).abs().max() < 1e-3
    assert (normal.std((0, 2, 3), correction=0) - 1).abs().max() < 1e-3


def test_statistics_refuse_what_cannot_be_measured():
    images = np.zeros((1100, 1, 2, 2), dtype=np.float32)
    with pytest.raises(ValueError, match=r"wanted channels that vary, got standard deviations \(0.0,\)"):
        dataio.normalise(dataio.statistics(dataio.ArrayDataset(images)))
    images[1077, 0, 1, 1] = np.nan
    with pytest.raises(ValueError, match="got NaN or infinity in example 1077; repair"):
        dataio.statistics(dataio.ArrayDataset(images))
    with pytest.raises(ValueError, match="wanted at least one example to measure"):
        dataio.statistics(dataio.ArrayDataset(images[:0]))


def test_images_explain_a_missing_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.transforms.v2", None)
    with pytest.raises(ImportError, match=r"install the extra: dataio\[images\]"):
        dataio.to_tensor()
