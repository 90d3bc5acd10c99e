"""The network of mnist_trainer in eight bits reads digits that it has not seen as well as in float."""

import pytest
import torch

from dataio import AffineAugmentation, ArrayDataset, Augmented, Batches, digits
from mnist_trainer import DigitNet, Judgement, judge
from mnist_trainer.image_losses import image_loss
from quantization import QuantizedConvolution, QuantizedLinear, bytes_of, left_in_float, quantize
from tensors import fork_random
from trainkit import adamw, cosine, train_steps

FOLDS, EPOCHS = 3, 10


def trained(dataset: ArrayDataset) -> DigitNet:
    """The app's way of training, briefly."""
    with fork_random("weights", 0):
        model = DigitNet()
    batches = Batches(Augmented(dataset, AffineAugmentation(degrees=10.0, translate=0.04)), 64, seed=0)
    steps = EPOCHS * len(batches)
    optimizer = adamw(model, 8e-3, weight_decay=0.05, betas=(0.9, 0.99))
    schedule = cosine(steps, warmup=steps // 5, floor=0.0)
    for _ in train_steps(model, batches.from_step(0, steps), image_loss, optimizer, schedule=schedule):
        pass
    return model.eval()


@pytest.fixture(scope="module")
def folds() -> list[tuple[DigitNet, ArrayDataset]]:
    """Networks, each with the digits that it has not learned from: together all 1,797 of scikit-learn."""
    images, labels = (torch.cat(arrays) for arrays in zip(digits("train").arrays, digits("test").arrays, strict=True))
    of = torch.arange(len(labels)) % FOLDS
    return [
        (
            trained(ArrayDataset(images[of != fold], labels[of != fold])),
            ArrayDataset(images[of == fold], labels[of == fold]),
        )
        for fold in range(FOLDS)
    ]


def right(judgements: list[Judgement]) -> int:
    return sum(judgement.n_correct for judgement in judgements)


@pytest.mark.parametrize("how", ["int8", "int8-weight-only"])
def test_eight_bits_cost_a_thousandth_of_the_accuracy_at_most(folds, how):
    small = [quantize(model, how) for model, _ in folds]
    n_images = sum(len(held_out) for _, held_out in folds)
    before = right([judge(model, held_out) for model, held_out in folds])
    after = right([judge(one, held_out) for one, (_, held_out) in zip(small, folds, strict=True)])
    assert n_images == 1797
    assert before > 0.96 * n_images
    assert abs(before - after) <= 0.001 * n_images


def test_all_of_its_weights_are_whole_numbers(folds):
    model, _ = folds[0]
    small = quantize(model, "int8")
    assert not left_in_float(small)
    assert sum(isinstance(layer, QuantizedConvolution) for layer in small.modules()) == 6
    assert sum(isinstance(layer, QuantizedLinear) for layer in small.modules()) == 1
    assert bytes_of(small) < 0.3 * bytes_of(model)
