"""What is read nine times is answered by all nine."""

import numpy as np
import pytest
import torch

from dataio import move_pixels
from mnist_trainer import DigitNet, judge
from mnist_trainer.training import AUGMENTATION
from mnist_trainer.views import VIEWS, probabilities


@pytest.fixture(scope="module")
def network() -> DigitNet:
    torch.manual_seed(0)
    network = DigitNet(4, width=4).eval()
    with torch.no_grad():
        network.decide.weight.mul_(2000)
    return network


def test_the_views_are_the_image_and_eight_that_it_has_learned_from():
    assert VIEWS.shape == (9, 5)
    assert VIEWS[0].tolist() == [0, 0, 0, 0, 1]
    assert len({tuple(view) for view in VIEWS.tolist()}) == 9
    spread = torch.tensor([AUGMENTATION.degrees, AUGMENTATION.shear, 1, 1, AUGMENTATION.scale])
    assert ((VIEWS - VIEWS[0]).abs() < spread).all()
    torch.testing.assert_close(VIEWS.mean(0), VIEWS[0], msg="a direction counts more than its opposite")


def test_the_answer_is_the_mean_of_all_views(network):
    images = torch.rand(5, 1, 12, 12, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        each = [network(move_pixels(images, view.repeat(5, 1))).softmax(1).double().numpy() for view in VIEWS]
        ours = probabilities(network, images).numpy()
    np.testing.assert_allclose(ours, np.mean(each, axis=0), rtol=1e-3, atol=1e-5)
    assert np.abs(each[0] - ours).max() > 1e-3, "the views differ"


def test_what_is_judged_is_that_answer(network):
    images = torch.rand(6, 1, 12, 12, generator=torch.Generator().manual_seed(2))
    dataset = [(image, torch.tensor(label)) for label, image in zip([0, 1, 2, 3, 0, 1], images, strict=True)]
    with torch.no_grad():
        torch.testing.assert_close(judge(network, dataset).probabilities, probabilities(network, images))
