"""Augmentation, held against torchvision."""

import pytest
import torch

import dataio


@pytest.fixture
def v2():
    return pytest.importorskip("torchvision.transforms.v2", reason="needs the extra dataio[images]")


@pytest.mark.extras
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 17, 24)])
def test_affine_augmentation_is_torchvision_s_affine(shape, v2):
    images = torch.rand(6, *shape, generator=torch.Generator().manual_seed(0))
    augment = dataio.AffineAugmentation(degrees=40.0, translate=0.2, scale=0.3, shear=25.0)
    keys = dataio.example_keys(range(6))
    ours, changes = augment(images, keys), augment.draw(keys)
    for row, (angle, shear, right, down, factor) in enumerate(changes.tolist()):
        move = [right * shape[2], down * shape[1]]
        # torchvision rounds moves to whole pixels in its public function, so its kernel is asked.
        theirs = v2.functional.affine_image(
            images[row], angle, move, factor, [shear, 0.0], interpolation=v2.InterpolationMode.BILINEAR
        )
        assert (ours[row] - theirs).abs().max() < 2e-4
    assert len({tuple(row) for row in changes.tolist()}) == 6
    spread = torch.tensor([40, 25, 0.2, 0.2, 0.3])
    assert ((changes - torch.tensor([0, 0, 0, 0, 1.0])).abs() <= spread).all()


def test_augmentation_without_strength_changes_nothing():
    images = torch.rand(4, 1, 8, 8)
    still = dataio.AffineAugmentation(0.0, 0.0, 0.0, 0.0)
    assert torch.allclose(still(images, dataio.example_keys(range(4))), images, atol=1e-6)


@pytest.mark.extras
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_an_augmented_example_is_the_same_however_it_is_read(v2):
    digits = dataio.ArrayDataset(torch.rand(20, 1, 8, 8), torch.arange(20))
    at_once = dataio.Augmented(digits, dataio.AffineAugmentation())
    one_by_one = dataio.Transformed(digits, v2.RandomAffine(15, interpolation=v2.InterpolationMode.BILINEAR))
    helped = {"num_workers": 1, "start_method": "fork"}
    for dataset in (at_once, one_by_one):
        whole = dataio.Batches(dataset, 20, seed=4)
        cut = dataio.Batches(dataset, 20, seed=4, rank=1, world_size=2, micro_batch_size=3, **helped)
        with cut.from_step(2, 3) as stream:  # epoch 2, as after a resume
            [step] = list(stream)
        images = {int(label): image for images, labels in whole[2] for image, label in zip(images, labels, strict=True)}
        for part, labels in step:
            for image, label in zip(part, labels, strict=True):
                assert torch.allclose(image, images[int(label)], atol=1e-6)
        before = {int(label): image for images, labels in whole[1] for image, label in zip(images, labels, strict=True)}
        assert not any(torch.equal(before[label], images[label]) for label in images)
