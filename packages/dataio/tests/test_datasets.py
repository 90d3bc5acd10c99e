"""Tables, splits and descriptions: what needs torch and NumPy only."""

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import dataio


def test_tables_hold_numbers_and_classes(tmp_path):
    (tmp_path / "irises.csv").write_text('length,kind,width\n1.5,"rose, wild",2\n\n-3e1,aster,4\n')
    table = dataio.read_table(tmp_path / "irises.csv", "kind")
    assert table.feature_names == ("length", "width")
    assert table.classes == ("aster", "rose, wild")
    features, labels = table.fetch([0, 1])
    assert features.tolist() == [[1.5, 2.0], [-30.0, 4.0]]
    assert features.dtype == torch.float32
    assert labels.tolist() == [1, 0]
    (tmp_path / "prices.csv").write_text("a;price\n1;2.5\n")
    prices = dataio.read_table(tmp_path / "prices.csv", "price", numeric_target=True, delimiter=";")
    assert [value.tolist() for value in prices[0]] == [[1.0], 2.5]
    assert prices.classes is None


BAD_TABLES = {
    "missing": (None, FileNotFoundError, "wanted a CSV file, but .* does not exist"),
    "empty": ("", ValueError, "wanted a header line and at least one row .*got 0 line"),
    "header only": ("a,y\n", ValueError, "got 1 line"),
    "no such column": ("a,b\n1,2\n", ValueError, r"wanted one column 'y' .*got columns \['a', 'b'\]; pass"),
    "ragged": ("a,y\n1,2\n1,2,3\n", ValueError, "wanted 2 cells in line 3 .*got 3; repair"),
    "text": ("a,y\n1,2\nx,3\n", ValueError, "wanted a finite number in column 'a', line 3 .*got 'x'; fill"),
    "nan": ("a,y\nnan,2\n", ValueError, "wanted a finite number in column 'a', line 2 .*got 'nan'"),
    "hole": ("a,y\n,2\n", ValueError, "got ''; fill it in"),
}


@pytest.mark.parametrize(("content", "kind", "message"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_bad_tables_are_refused(tmp_path, content, kind, message):
    if content is not None:
        (tmp_path / "table.csv").write_text(content)
    with pytest.raises(kind, match=message):
        dataio.read_table(tmp_path / "table.csv", "y")


numbers = st.lists(st.integers(0, 30), min_size=2, max_size=30)


@given(numbers, st.floats(0.001, 0.999))
def test_splitting_by_content_parts_no_equal_examples(values, held_out):
    dataset = dataio.ArrayDataset(np.array(values), np.arange(len(values)))
    if len(set(values)) == 1:
        with pytest.raises(ValueError, match=r"wanted at least two different examples, .*; use more"):
            dataio.split_by_content(dataset, held_out)
        return
    train, tail = dataio.split_by_content(dataset, held_out)
    assert len(train) > 0
    assert len(tail) > 0
    assert sorted([*train.indices, *tail.indices]) == list(range(len(values)))
    assert not {int(train[i][0]) for i in range(len(train))} & {int(tail[i][0]) for i in range(len(tail))}


def test_splitting_by_content_takes_about_the_fraction_and_holds_when_examples_come():
    few = dataio.ArrayDataset(torch.arange(1000))
    _, tail = dataio.split_by_content(few, 0.2)
    _, longer_tail = dataio.split_by_content(dataio.ArrayDataset(torch.arange(1500)), 0.2)
    assert 150 < len(tail) < 250
    assert [i for i in longer_tail.indices if i < 1000] == tail.indices.tolist()


@given(st.integers(2, 200), st.floats(0.05, 0.95), st.integers(0, 9))
def test_splitting_by_fraction_is_exact(size, held_out, seed):
    count = round(size * held_out)
    dataset = dataio.ArrayDataset(torch.arange(size))
    if count in (0, size):
        with pytest.raises(ValueError, match="wanted examples on both sides"):
            dataio.split_by_fraction(dataset, held_out, seed=seed)
        return
    train, tail = dataio.split_by_fraction(dataset, held_out, seed=seed)
    assert len(tail) == count
    assert sorted([*train.indices, *tail.indices]) == list(range(size))


@pytest.mark.parametrize("split", [dataio.split_by_fraction, dataio.split_by_content])
def test_bad_fractions_are_refused(split):
    with pytest.raises(ValueError, match=r"wanted a held-out fraction between 0 and 1, got 0\.0"):
        split(dataio.ArrayDataset(torch.arange(5)), 0.0)


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


def test_describe_sums_up_what_is_there():
    images = torch.tensor([[0.0, 2.0], [float("nan"), 4.0], [1.0, 3.0]])
    described = dataio.describe(dataio.ArrayDataset(images, torch.tensor([1, 0, 1])))
    values, labels = described.fields
    assert (values.shape, values.dtype, values.low, values.high, values.mean) == ((2,), "float32", 0.0, 4.0, 2.0)
    assert values.n_not_finite == 1
    assert labels.shape == ()
    assert described.class_counts == {"0": 1, "1": 2}
    assert "3 examples" in str(described)
    assert "1 NOT FINITE" in str(described)
    assert "class 1        2  66.7%" in str(described)


def test_describe_names_classes_and_marks_sizes_that_differ(tmp_path):
    class Ragged:
        classes = ("ant", "bee")

        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int):
            return torch.ones(2, index + 1), index % 2

    described = dataio.describe(dataio.Subset(Ragged(), [0, 1, 2]))
    assert described.fields[0].shape == (2, "*")
    assert described.class_counts == {"ant": 2, "bee": 1}
    with pytest.raises(ValueError, match="wanted at least one example to describe"):
        dataio.describe(dataio.ArrayDataset(torch.ones(0)))
