import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix

from dataio import ArrayDataset
from mnist_trainer import DigitNet, Judgement, judge, wilson_interval


@pytest.mark.parametrize(("correct", "n"), [(0, 1), (1, 1), (0, 50), (357, 359), (359, 359), (1987, 2000)])
def test_interval_equals_scipys_wilson_interval(correct, n):
    theirs = binomtest(correct, n).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson_interval(correct, n) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


@pytest.fixture
def judgement():
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.randn(300, 5, generator=generator).softmax(1)
    return Judgement(probabilities, torch.randint(5, (300,), generator=generator))


def test_accuracy_and_confusion_equal_scikit_learns(judgement):
    assert judgement.accuracy == pytest.approx(accuracy_score(judgement.labels, judgement.answers))
    assert np.array_equal(judgement.confusion, confusion_matrix(judgement.labels, judgement.answers))


def test_mistakes_are_all_wrong_answers_the_most_confident_first(judgement):
    wrong = [i for i in range(300) if judgement.answers[i] != judgement.labels[i]]
    assert judgement.mistakes.tolist() == sorted(wrong, key=lambda i: -judgement.probabilities[i].max())


def test_judging_leaves_the_network_and_random_numbers_alone():
    torch.manual_seed(0)
    model = DigitNet(3, width=4)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    dataset = ArrayDataset(torch.rand(10, 1, 12, 12), torch.arange(10) % 3)
    state = torch.get_rng_state()
    first, second = judge(model, dataset, batch_size=4), judge(model, dataset, batch_size=10)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert torch.allclose(first.probabilities, second.probabilities, atol=1e-6)
