"""The contract passes a sound run and names what is wrong with broken ones."""

import math
from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.nn import functional

from tensors import seed_all
from trainkit import (
    Checkpoints,
    ModulePart,
    OptimizerPart,
    RandomPart,
    contract,
    cross_entropy,
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


class ByHand(WithoutDropout):
    """Adam written out (Kingma and Ba 2015, algorithm 1), all state in one file: another style. Slips change a line."""

    rate, decay, betas, epsilon = 0.01, 0.1, (0.9, 0.99), 1e-8

    def __init__(self):
        super().__init__()
        self.weights = list(self.model.parameters())
        self.means, self.squares = ([torch.zeros_like(w) for w in self.weights] for _ in range(2))
        self.taken = 0

    def slopes(self, batch):
        total, count = self.loss(self.model, batch)
        return total.item() / count, torch.autograd.grad(total / count, self.weights)

    def bias(self, beta):
        return 1 - beta**self.taken

    def step(self, slopes):
        self.taken += 1
        for w, g, m, s in zip(self.weights, slopes, self.means, self.squares, strict=True):
            m.lerp_(g, 1 - self.betas[0])
            s.lerp_(g * g, 1 - self.betas[1])
            w.data -= self.rate * self.decay * w.data
            w.data -= self.rate * m / self.bias(self.betas[0]) / ((s / self.bias(self.betas[1])).sqrt() + self.epsilon)

    def steps(self, start, stop):
        for n in range(start, stop):
            loss, slopes = self.slopes(self.batch(n))
            self.step(slopes)
            yield loss

    def evaluate(self):
        with torch.no_grad():
            return self.loss(self.model, self.batch(-1))[0]

    def state(self):
        return [w.data for w in self.weights], self.means, self.squares

    def save(self, folder):
        torch.save((self.state(), self.taken), folder / "run.pt")

    def load(self, folder):
        state, self.taken = torch.load(folder / "run.pt")
        for mine, theirs in zip(self.state(), state, strict=True):
            for one, other in zip(mine, theirs, strict=True):
                one.copy_(other)


class AdamW(WithoutDropout):
    """torch's own optimizer in the shortest loop, as the reference of the run by hand."""

    def __init__(self):
        super().__init__()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), ByHand.rate, betas=ByHand.betas, weight_decay=ByHand.decay
        )

    def steps(self, start, stop):
        for n in range(start, stop):
            total, count = self.loss(self.model, self.batch(n))
            self.optimizer.zero_grad()
            (total / count).backward()
            self.optimizer.step()
            yield total.item() / count


@pytest.mark.parametrize("build", [GoodRun, WithoutDropout, ByHand])
def test_sound_runs_pass(build):
    held = contract.check(build)
    assert "a run resumes exactly" in held
    assert len(held) + len(held.not_judged) == 7
    assert "loss, optimizer and schedule; pass reference=" in held.not_judged


def test_a_run_by_hand_has_the_losses_of_torch_s_optimizer():
    held = contract.check(ByHand, reference=AdamW)
    assert "losses are those of the reference" in held
    assert held.not_judged == ("accumulation; let steps take cut=, the number of micro-batches",)


class NoBiasCorrection(ByHand):
    def bias(self, beta):
        return 1.0


class MomentsExchanged(ByHand):
    betas = (0.99, 0.9)


class DecayInTheGradient(ByHand):
    def step(self, slopes):
        decay, self.decay = self.decay, 0.0
        super().step([g + decay * w.data for g, w in zip(slopes, self.weights, strict=True)])
        self.decay = decay


class GradientsPileUp(ByHand):
    """zero_grad forgotten."""

    piled = None

    def slopes(self, batch):
        loss, slopes = super().slopes(batch)
        self.piled = slopes if self.piled is None else [p + s for p, s in zip(self.piled, slopes, strict=True)]
        return loss, self.piled

    def save(self, folder):
        super().save(folder)
        torch.save(self.piled, folder / "piled.pt")

    def load(self, folder):
        super().load(folder)
        self.piled = torch.load(folder / "piled.pt")


class BatchesOneLate(ByHand):
    def batch(self, n):
        return super().batch(n + 1)


class SumForMean(ByHand):
    def slopes(self, batch):
        total, _ = self.loss(self.model, batch)
        return total.item(), torch.autograd.grad(total, self.weights)


class Ascends(ByHand):
    rate = -ByHand.rate


class TargetsShifted(ByHand):
    def loss(self, model, batch):
        return squared_error(model(batch[:-1]), batch[1:])


class MeanOfEachExample(ByHand):
    """Divides by the rows, not by what the loss counts."""

    def loss(self, model, batch):
        return super().loss(model, batch)[0], len(batch)


OFF_THE_REFERENCE = [
    NoBiasCorrection,
    MomentsExchanged,
    DecayInTheGradient,
    GradientsPileUp,
    BatchesOneLate,
    SumForMean,
    Ascends,
    TargetsShifted,
    MeanOfEachExample,
]


@pytest.mark.parametrize("build", OFF_THE_REFERENCE, ids=lambda build: build.__name__)
def test_a_slip_that_no_claim_sees_is_caught_by_the_reference(build):
    contract.check(build, steps=2)
    with pytest.raises(contract.BrokenClaim) as broken:
        contract.check(build, reference=AdamW)
    assert broken.value.claim == "losses are those of the reference"


class NeverSteps(GoodRun):
    def steps(self, start, stop):
        return (self.loss(self.model, self.batch(n))[0].item() for n in range(start, stop))


class ForgetsALayer(ByHand):
    def __init__(self):
        super().__init__()
        self.weights = self.weights[:-1]
        self.means, self.squares = self.means[:-1], self.squares[:-1]


class KeepsReferences(ByHand):
    """Saves the tensors themselves, in memory: they go on learning."""

    saved: ClassVar[dict] = {}

    def save(self, folder):
        self.saved[folder] = self.state(), self.taken

    def load(self, folder):
        state, self.taken = self.saved[folder]
        for mine, theirs in zip(self.state(), state, strict=True):
            for one, other in zip(mine, theirs, strict=True):
                one.copy_(other)


class DropsInEvaluation(GoodRun):
    """Dropout stays on, with random numbers of its own put back: the number differs, the training does not."""

    def evaluate(self):
        with torch.no_grad(), torch.random.fork_rng():
            torch.seed()
            return self.loss(self.model, self.batch(-1))[0]


class EvaluationLearns(ByHand):
    """Batch statistics, moments or, here, a step: what evaluation leaves behind."""

    def evaluate(self):
        self.step(self.slopes(self.batch(-1))[1])


class ForgetsTheStep(ByHand):
    """The count of steps is not saved: the bias correction starts again."""

    def load(self, folder):
        super().load(folder)
        self.taken = 0


BROKEN = [
    (ForgetsTheOptimizer, r"saved after step 1 of 6 and resumed goes another way"),
    (ForgetsRandomness, r"resumed goes another way"),
    (ReplaysTheData, r"resumed goes another way \(loss of step 2"),
    (EvaluatesWithTheTrainingRandomness, r"evaluating after every step changes the training"),
    (StaysInEvaluationMode, r"evaluating after every step changes the training"),
    (Unseeded, r"two fresh runs differ: does build\(\) seed everything"),
    (AveragesMicroBatches, r"accumulation.* cut into 2 micro-batches has loss"),
    (NeverSteps, r"training changes every weight: broken, for after 6 steps with losses"),
    (ForgetsALayer, r"training changes every weight: .* 3.bias is what it was"),
    (KeepsReferences, r"a checkpoint stays as it was saved"),
    (DropsInEvaluation, r"evaluation does not disturb: broken, for two evaluations after step 1 differ"),
    (EvaluationLearns, r"evaluating after every step changes the training"),
    (ForgetsTheStep, r"saved after step 1 of 6 and resumed goes another way"),
]


@pytest.mark.parametrize(("build", "claim"), BROKEN)
def test_broken_runs_are_named(build, claim):
    with pytest.raises(contract.BrokenClaim, match=claim):
        contract.check(build)


def by_rows(logits, targets):
    """Right, number by number, in an unusual style."""
    real = [(row, place) for row, place in (targets != -100).nonzero().tolist()]
    parts = [logits[row, place].logsumexp(-1) - logits[row, place, targets[row, place]] for row, place in real]
    return torch.stack(parts).sum(), len(real)


@pytest.mark.parametrize("loss", [cross_entropy, by_rows], ids=["ours", "by rows"])
def test_right_losses_keep_every_claim(loss):
    held = contract.check_loss(loss)
    assert len(held) == 5
    assert set(held) == set(LOSSES.values())


def meant(logits, targets, **options):
    return functional.cross_entropy(logits.flatten(0, -2), targets.flatten(), **options), (targets != -100).sum()


def shifted(logits, targets):
    """Shifts once more what is shifted already: next tokens are the targets as they come."""
    return cross_entropy(logits[:, :-1], targets[:, 1:])


def padding_counted(logits, targets):
    total, _ = cross_entropy(logits, targets)
    return total, targets.numel()


def padding_is_class_zero(logits, targets):
    return cross_entropy(logits, targets.clamp(min=0))


def without_a_maximum(logits, targets):
    exponentials = logits.exp()
    chosen = (exponentials / exponentials.sum(-1, keepdim=True)).gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return -(chosen.log() * (targets >= 0)).sum(), (targets >= 0).sum()


def over_time(logits, targets):
    """The softmax over the tokens instead of the classes."""
    kept = targets >= 0
    chosen = logits.log_softmax(1).gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return -(chosen * kept).sum(), kept.sum()


def softmax_twice(logits, targets):
    return cross_entropy(logits.softmax(-1), targets)


def in_bits(logits, targets):
    total, count = cross_entropy(logits, targets)
    return total / math.log(2), count


def the_sign_forgotten(logits, targets):
    total, count = cross_entropy(logits, targets)
    return -total, count


def smoothed(logits, targets):
    return cross_entropy(logits, targets, label_smoothing=0.1)


def pulls_the_logits_too(logits, targets):
    """The right number; beside it a penalty that shows in the gradient alone."""
    total, count = cross_entropy(logits, targets)
    penalty = 0.01 * logits.square().sum()
    return total + penalty - penalty.detach(), count


LOSSES = {
    shifted: "each target belongs to its own logits",
    the_sign_forgotten: "the loss is a sum and a count",
    meant: "the loss is a sum and a count",
    over_time: "each target belongs to its own logits",
    softmax_twice: "the loss is a sum and a count",
    in_bits: "the loss is a sum and a count",
    smoothed: "the loss is a sum and a count",
    padding_counted: "padding counts nothing",
    padding_is_class_zero: "padding counts nothing",
    pulls_the_logits_too: "the gradient is the probabilities less the truth",
    without_a_maximum: "logits of a thousand stay finite",
}


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_a_wrong_loss_is_caught_by_the_claim_that_names_it(loss):
    with pytest.raises(contract.BrokenClaim, match=r"Smallest input that shows it: logits \[B, T, V\]") as broken:
        contract.check_loss(loss)
    assert broken.value.claim == LOSSES[loss]


WRONG = [*BROKEN, *OFF_THE_REFERENCE, *LOSSES]


def test_the_wrong_ones_are_counted():
    assert len(WRONG) == 33
