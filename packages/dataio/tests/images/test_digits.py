import sys

import numpy as np
import pytest
import torch

import dataio


@pytest.mark.extras
def test_digits_are_scikit_learns_and_every_one_is_on_one_side():
    theirs = pytest.importorskip("sklearn.datasets", reason="needs the extra dataio[images]").load_digits()
    train, test = dataio.digits("train"), dataio.digits("test")
    assert len(train) + len(test) == len(theirs.target) == 1797
    images, labels = test.fetch(np.arange(len(test)))
    assert torch.equal(images[:, 0].double() * 16, torch.from_numpy(theirs.images[4::5]))
    assert torch.equal(labels, torch.from_numpy(theirs.target[4::5]).long())
    assert images.dtype == torch.float32
    assert images.shape == (359, 1, 8, 8)
    assert (float(images.min()), float(images.max())) == (0.0, 1.0)
    assert set(train.arrays[1].tolist()) == set(labels.tolist()) == set(range(10))


def test_digits_explain_a_missing_library_and_a_wrong_split(monkeypatch):
    with pytest.raises(ValueError, match="wanted split 'train' or 'test', got 'validation'"):
        dataio.digits("validation")
    for name in ("sklearn", "sklearn.datasets"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"install the extra: dataio\[images\]"):
        dataio.digits("train")


@pytest.mark.extras
def test_digits_are_the_same_where_their_file_lies_elsewhere(monkeypatch):
    images, labels = dataio.digits("test").arrays
    monkeypatch.setattr("dataio.images.digits.find_spec", lambda name: None)
    again = dataio.digits("test").arrays
    assert (images == again[0]).all()
    assert (labels == again[1]).all()
