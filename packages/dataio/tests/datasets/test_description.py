import numpy as np
import pytest
import torch

import dataio


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


@pytest.mark.extras
def test_a_contact_sheet_shows_every_image(tmp_path):
    Image = pytest.importorskip("PIL.Image", reason="needs the extra dataio[images]")
    images = torch.zeros(5, 1, 8, 8)
    images[3] = 1.0
    path = dataio.contact_sheet(dataio.ArrayDataset(images, torch.arange(5)), tmp_path / "sheet.png", columns=3)
    pixels = np.asarray(Image.open(path).convert("L"))
    assert pixels.shape == (2 * (48 + 18), 3 * (48 + 4))
    corner = (slice(66 + 2, 66 + 50), slice(2, 50))
    assert (pixels[corner] == 255).all()
    assert (pixels[2:50, 2:50] == 0).all()
