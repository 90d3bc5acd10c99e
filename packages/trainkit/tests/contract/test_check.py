"""The contract passes a sound run and names what is wrong with broken ones."""

import pytest
import torch
from torch import nn

from tensors import seed_all
from trainkit import (
    Checkpoints,
    ModulePart,
    OptimizerPart,
    RandomPart,
    contract,
    evaluate,
    muon,
    squared_error,
    train_steps,
)


class GoodRun:
    def __init__(self):
        seed_all(1)
        self.model = nn.Sequential(nn.Linear(4, 6), nn.Dropout(0.2), nn.Linear(6, 6), nn.Linear(6, 4))
        self.optimizer = muon(self.model, 0.02, adam_learning_rate=0.01)
        self.parts = {
            "model": ModulePart(self.model),
            "optimizer": OptimizerPart(self.optimizer, self.model),
            "random": RandomPart(),
        }

    def batch(self, n):
        return torch.randn(6, 4, generator=torch.Generator().manual_seed(n))

    def loss(self, model, batch):
        return squared_error(model(batch), batch)

    def steps(self, start, stop):
        data = [[self.batch(n)] for n in range(start, stop)]
        return (step.loss for step in train_steps(self.model, data, self.loss, self.optimizer, start=start))

    def evaluate(self):
        return evaluate(self.model, [[self.batch(-1)]], self.loss).loss

    def save(self, folder):
        Checkpoints(folder, self.parts).save(1)

    def load(self, folder):
        Checkpoints(folder, self.parts).load()


class WithoutDropout(GoodRun):
    def __init__(self):
        super().__init__()
        self.model[1].p = 0.0

    def steps(self, start, stop, cut=1):
        data = [list(self.batch(n).tensor_split(cut)) for n in range(start, stop)]
        return (step.loss for step in train_steps(self.model, data, self.loss, self.optimizer, start=start))


class ForgetsTheOptimizer(GoodRun):
    def __init__(self):
        super().__init__()
        del self.parts["optimizer"]


class ForgetsRandomness(GoodRun):
    def __init__(self):
        super().__init__()
        del self.parts["random"]


class ReplaysTheData(GoodRun):
    """nanoGPT's resume: the batches start again from the first."""

    def steps(self, start, stop):
        return super().steps(0, stop - start)


class EvaluatesWithTheTrainingRandomness(GoodRun):
    def evaluate(self):
        with torch.no_grad():
            self.loss(self.model, torch.randn(6, 4))


class StaysInEvaluationMode(GoodRun):
    def steps(self, start, stop):
        for n in range(start, stop):
            loss = self.loss(self.model, self.batch(n))[0]
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            yield loss.item()

    def evaluate(self):
        self.model.eval()
        return 0.0


class Unseeded(GoodRun):
    def __init__(self):
        super().__init__()
        torch.seed()


class AveragesMicroBatches(WithoutDropout):
    """The mean of the micro-batches' means, wrong where they differ in size."""

    def batch(self, n):
        return super().batch(n)[:5]

    def loss(self, model, batch):
        total, count = super().loss(model, batch)
        return total / count, 1


@pytest.mark.parametrize("build", [GoodRun, WithoutDropout])
def test_sound_runs_pass(build):
    held = contract.check(build)
    assert "a run resumes exactly" in held
    assert len(held) + len(held.not_judged) == 4


@pytest.mark.parametrize(
    ("build", "claim"),
    [
        (ForgetsTheOptimizer, r"saved after step 1 of 6 and resumed goes another way"),
        (ForgetsRandomness, r"resumed goes another way"),
        (ReplaysTheData, r"resumed goes another way \(loss of step 2"),
        (EvaluatesWithTheTrainingRandomness, r"evaluating after every step changes the training"),
        (StaysInEvaluationMode, r"evaluating after every step changes the training"),
        (Unseeded, r"two fresh runs differ: does build\(\) seed everything"),
        (AveragesMicroBatches, r"cut into 2 micro-batches has loss"),
    ],
)
def test_broken_runs_are_named(build, claim):
    with pytest.raises(contract.BrokenClaim, match=claim):
        contract.check(build)
