"""Folders of images, held against torchvision."""

import numpy as np
import pytest
import torch

import dataio

pytest.importorskip("torchvision", reason="needs the extra dataio[images]")
from PIL import Image
from torchvision import datasets
from torchvision.transforms import v2

pytestmark = pytest.mark.extras


@pytest.fixture
def folder(tmp_path):
    for name, color in (("cat", 10), ("dog", 200)):
        for number in range(2):
            place = tmp_path / "animals" / name
            place.mkdir(parents=True, exist_ok=True)
            pixels = np.full((4, 6, 3), (color, number, 0), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{number}.png")
    return tmp_path / "animals"


def test_image_folders_agree_with_torchvision_s(folder):
    theirs = datasets.ImageFolder(str(folder), transform=v2.PILToTensor())
    ours = dataio.ImageFolder(folder, "RGB")
    assert list(ours.classes) == theirs.classes
    assert len(ours) == len(theirs) == 4
    for (image, label), (their_image, their_label) in zip((ours[i] for i in range(4)), theirs, strict=True):
        assert torch.equal(image, their_image)
        assert label == their_label
    assert dataio.ImageFolder(folder)[0][0].shape == (1, 4, 6)


def test_a_corrupt_image_is_named(folder):
    whole = (folder / "cat" / "1.png").read_bytes()
    for content in (b"no picture", whole[: len(whole) // 2], b""):
        (folder / "cat" / "1.png").write_bytes(content)
        with pytest.raises(ValueError, match=r"wanted an image that can be decoded, but .*cat.1\.png is not.*replace"):
            dataio.ImageFolder(folder)[1]
        with pytest.raises(dataio.ExampleError, match=r"wanted example 1 of ImageFolder.*cat.1\.png") as caught:
            dataio.Batches(dataio.ImageFolder(folder), 4)[0]
        assert caught.value.index == 1


def test_image_folders_without_classes_or_images_are_refused(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match=r"wanted a folder with one folder per class, but .* is none"):
        dataio.ImageFolder(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"wanted one folder per class .*got none"):
        dataio.ImageFolder(folder / "cat")
    (folder / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"wanted images \(.png .* in .*empty, got none"):
        dataio.ImageFolder(folder)
    with pytest.raises(FileNotFoundError, match=r"wanted an image, but .* does not exist"):
        dataio.read_image(tmp_path / "none.png")


def test_images_of_unequal_size_need_a_transform(folder):
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(folder / "cat" / "1.png")
    mixed = dataio.ImageFolder(folder)
    with pytest.raises(ValueError, match=r"wanted examples of equal shape.*resize them with a transform"):
        dataio.Batches(mixed, 4)[0]
    resized = dataio.Transformed(mixed, dataio.compose(v2.Resize((5, 5)), dataio.to_tensor()))
    [(images, _)] = dataio.Batches(resized, 4)[0]
    assert images.shape == (4, 1, 5, 5)
    assert 0.0 <= float(images.min()) <= float(images.max()) <= 1.0
    assert torch.equal(dataio.in_memory(resized).arrays[0][0], resized[0][0])
