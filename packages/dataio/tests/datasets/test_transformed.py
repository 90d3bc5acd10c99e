import numpy as np
import pytest
import torch

import dataio


def test_a_subset_reads_its_examples():
    subset = dataio.Subset(dataio.ArrayDataset(torch.arange(10), torch.arange(10) ** 2), [7, 2, 5])
    assert [int(value) for value in subset[1]] == [2, 4]
    read = [i for [(indices, _)] in dataio.Batches(subset, 2) for i in indices.tolist()]
    assert sorted(read) == [2, 5, 7]


def test_transforms_keep_the_other_fields():
    dataset = dataio.ArrayDataset(torch.arange(4.0), torch.arange(4))
    doubled = dataio.BatchTransformed(dataset, lambda batch: batch * 2)
    assert [value.tolist() for value in doubled.fetch([3, 1])] == [[6.0, 2.0], [3, 1]]
    assert [value.tolist() for value in doubled[3]] == [6.0, 3]
    assert [value.tolist() for value in dataio.Transformed(doubled, torch.neg)[3]] == [-6.0, 3]


def test_augmented_under_transformed_is_refused():
    digits = dataio.ArrayDataset(torch.rand(20, 1, 8, 8), torch.arange(20))
    inner = dataio.Subset(dataio.Augmented(digits, dataio.AffineAugmentation()), [1])
    with pytest.raises(TypeError, match="wanted a dataset whose examples are read one by one, got one over Augmented"):
        dataio.Transformed(inner, torch.neg)


@pytest.mark.parametrize("indices", [[True, False, True], np.array([0.9]), np.array([[0, 1]]), [2**63]])
def test_a_subset_takes_whole_numbers_only(indices):
    """A mask would be taken for examples 0 and 1, and a fraction for the whole number below it."""
    with pytest.raises(ValueError, match="wanted indices as a row of numbers, got "):
        dataio.Subset(dataio.ArrayDataset(torch.arange(10)), indices)
    assert len(dataio.Subset(dataio.ArrayDataset(torch.arange(10)), [])) == 0
