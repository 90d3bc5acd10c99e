"""Checks of the rungs about training; torch's own layers and optimizers are the judges."""

import math
from typing import Any

import torch
from torch import Tensor, nn

import trainkit

from .comparing import agree, called, refuse


class Line(nn.Module):
    """y = w x with w = 1, and a weight that the loss never uses."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(1.0))
        self.idle = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.w * x


class Descent:
    """Plain gradient descent, called as every optimizer of torch is; those take seconds to be imported."""

    def __init__(self, weights: list[nn.Parameter], rate: float) -> None:
        self.weights, self.rate = weights, rate

    def zero_grad(self, set_to_none: bool = True) -> None:
        for weight in self.weights:
            weight.grad = None

    @torch.no_grad()
    def step(self) -> None:
        for weight in self.weights:
            if weight.grad is not None:
                weight.sub_(weight.grad, alpha=self.rate)


def training_step(mine: Any) -> None:
    """Two steps of plain descent with numbers that one can follow."""
    model = Line()
    optimizer = Descent([model.w, model.idle], 0.1)

    def loss(line: nn.Module, batch: Any) -> Tensor:
        x, y = batch
        return (line(x) - y).square()

    batch = torch.tensor(1.0), torch.tensor(0.0)
    given = "a step for (w * 1 - 0)² at w = 1, rate 0.1"
    got = called(given, lambda: mine.training_step(model, batch, loss, optimizer))
    claim = "the loss comes back as a float"
    if not isinstance(got, float):
        kind = type(got).__name__ + (" (is there a return?)" if got is None else "")
        refuse(claim, given, f"wanted     a float, 1.0\ngot        {kind}")
    slips = {"the loss is computed again after the step": 0.64}
    agree("the loss is that before the update", given, lambda: got, 1.0, slips)
    slips_of_weight = {
        "the weights were not moved: there is no step, or it comes before the gradient": 1.0,
        "the step is made twice": 0.6,
    }
    agree("the weight moves against its gradient", given, lambda: float(model.w.detach()), 0.8, slips_of_weight)
    called(given, lambda: mine.training_step(model, batch, loss, optimizer))
    slips_of_second = {
        "gradients of earlier steps are still there": 0.8 - 0.1 * (2.0 + 1.6),
        "the gradient of the step before is used": 0.6,
        "gradients are cleared after backward, so that nothing is left to step on": 0.8,
    }
    agree(
        "the second step uses its own gradient alone",
        "the same once more, from w = 0.8",
        lambda: float(model.w.detach()),
        0.64,
        slips_of_second,
    )


def accumulation(mine: Any) -> None:
    """Ragged pieces against the whole."""

    def loss(line: nn.Module, batch: Tensor) -> tuple[Tensor, int]:
        return (line(batch) ** 2).sum(), batch.numel()

    for pieces in ([[1.0]], [[1.0, 3.0]], [[1.0], [3.0]], [[1.0, 2.0, 3.0], [4.0]], [[2.0], [], [1.0, 5.0]]):
        numbers = [x for piece in pieces for x in piece]
        whole = sum(x * x for x in numbers) / len(numbers)
        means = [sum(x * x for x in piece) / len(piece) for piece in pieces if piece]
        model = Line()
        model.w.grad = torch.tensor(100.0)
        given = f"accumulate with w = 1, squares of {pieces}, an old gradient of 100 in .grad,\n"
        given += "           and a weight that the loss never uses, whose .grad is None"
        batches = [torch.tensor(piece) for piece in pieces]
        got = called(given, lambda: mine.accumulate(model, batches, loss))
        total = sum(x * x for x in numbers)
        slips = {
            "each piece counts equally, however many items it has": sum(means) / len(pieces),
            "the sum is not divided": float(total),
            "the sum is divided by the number of pieces": total / len(pieces),
            "only the last piece counts": means[-1],
        }
        agree("the mean is over all items", given, lambda: got, whole, slips)
        grads = {words: 2 * value for words, value in slips.items()} | {
            "gradients that were there before are counted in": (100 + 2 * total) / len(numbers),
            "gradients that were there before stay": 100 + 2 * whole,
            "the gradients are not divided by the count": 2.0 * total,
        }
        agree(
            "the gradient is that of the mean over all items",
            given,
            lambda: float(torch.zeros(()) if model.w.grad is None else model.w.grad),
            2 * whole,
            grads,
        )


def adam(mine: Any) -> None:
    """Against torch.optim.AdamW, three steps."""
    for decay in (0.0, 0.5):
        layer = nn.Linear(2, 1, bias=False)
        weight = layer.weight
        weight.data = torch.tensor([[1.0, -2.0]])
        optimizer = trainkit.adamw(layer, 0.1, weight_decay=decay)
        w, mean, square = weight.detach().clone(), torch.zeros(1, 2), torch.zeros(1, 2)
        for t, gradient in enumerate(torch.tensor([[[0.5, -4.0]], [[-0.1, 1.0]], [[0.3, 0.0]]]), start=1):
            before = [one.clone() for one in (w, mean, square)]
            given = f"adam(weight {_row(w)}, gradient {_row(gradient)}, mean {_row(mean)}, square {_row(square)}, t={t}"
            given += f", rate=0.1, decay={decay})"
            weight.grad = gradient.clone()
            optimizer.step()
            state = optimizer.state[weight]
            m, s = (state[name].clone() for name in ("exp_avg", "exp_avg_sq"))
            got = called(given, lambda: mine.adam(w, gradient, mean, square, t, 0.1, decay=decay))
            if not isinstance(got, tuple) or len(got) != 3:
                refuse("weight, mean and square come out", given, f"wanted     three tensors\ngot        {got}")
            _agree_adam(got, (weight.detach(), m, s), before, gradient, t, decay, given)
            for name, one, old in zip(("weight", "mean", "square"), (w, mean, square), before, strict=True):
                if not torch.equal(one, old):
                    refuse(f"the {name} that was given stays as it was", given, "got        a changed one")
            w, mean, square = (one.clone() for one in (weight.detach(), m, s))
    _small(mine)


def _small(mine: Any) -> None:
    """A gradient that epsilon can be seen beside."""
    zero, tiny = torch.zeros(1), 1e-6
    agree(
        "epsilon is added to the root, not under it",
        "adam(weight [1.0], gradient [1e-06], mean [0.0], square [0.0], t=1, rate=0.1)",
        lambda: mine.adam(torch.ones(1), torch.tensor([tiny]), zero, zero, 1, 0.1)[0],
        torch.tensor([1 - 0.1 * tiny / (tiny + 1e-8)]),
        {
            "epsilon is added under the root": torch.tensor([1 - 0.1 * tiny / math.sqrt(tiny**2 + 1e-8)]),
            "epsilon is left out": torch.tensor([0.9]),
        },
    )


def _agree_adam(got: Any, wanted: Any, before: Any, g: Tensor, t: int, decay: float, given: str) -> None:
    (weight, mean, square), (w, old_mean, old_square) = wanted, before
    a, b = 0.9, 0.95
    agree(
        "the mean is right",
        given,
        lambda: got[1],
        mean,
        {
            "the new part is not weighted": a * old_mean + g,
            "the corrected mean comes back": mean / (1 - a**t),
            "the decay goes through the gradient": a * old_mean + (1 - a) * (g + decay * w),
            "b1 and 1 - b1 are exchanged": (1 - a) * old_mean + a * g,
        },
    )
    agree(
        "the square is right",
        given,
        lambda: got[2],
        square,
        {
            "the gradient is not squared": b * old_square + (1 - b) * g,
            "b1 is used for the square": a * old_square + (1 - a) * g**2,
            "the corrected square comes back": square / (1 - b**t),
        },
    )
    m, s = mean / (1 - a**t), square / (1 - b**t)

    def moved(m: Tensor, s: Tensor, shrink: float = 0.1 * decay) -> Tensor:
        return w * (1 - shrink) - 0.1 * m / (s.sqrt() + 1e-8)

    agree(
        "the weight is right",
        given,
        lambda: got[0],
        weight,
        {
            "the means are not corrected": moved(mean, square),
            "the step is counted from 0": moved(
                mean / max(1e-9, 1 - a ** (t - 1)), square / max(1e-9, 1 - b ** (t - 1))
            ),
            "the step is counted one too far: t is 1 at the first": moved(
                mean / (1 - a ** (t + 1)), square / (1 - b ** (t + 1))
            ),
            "the weight shrinks after it has moved": moved(m, s, 0.0) * (1 - 0.1 * decay),
            "there is no root over the square": w * (1 - 0.1 * decay) - 0.1 * m / (s + 1e-8),
            "the weight moves along its gradient, uphill": w * (1 - 0.1 * decay) + 0.1 * m / (s.sqrt() + 1e-8),
            "the decay is not multiplied by the rate": moved(m, s, decay),
            "there is no decay": moved(m, s, 0.0),
            "the square is not corrected": moved(m, square),
            "the mean is not corrected": moved(mean, s),
        },
    )


def _row(x: Tensor) -> list[float]:
    return [round(one, 4) for one in x.flatten().tolist()]


def cosine(mine: Any) -> None:
    """Against trainkit's, which is held to torch's."""
    for n, warmup, floor in ((1, 0, 0.1), (4, 0, 0.1), (4, 2, 0.1), (10, 3, 0.0), (10, 3, 1.0)):
        wanted = trainkit.cosine(n, warmup=warmup, floor=floor)
        for s in range(n + 3):
            p = (s - warmup) / (n - warmup)
            wave = (1 + math.cos(math.pi * p)) / 2
            rising = (s + 1) / max(1, warmup)
            late = (1 + math.cos(math.pi * min(1.0, s / n))) / 2
            slips = {
                "the first step of the warm-up has the rate 0": s / warmup if s < warmup else wanted(s),
                "the wave goes up again after step n": rising if s < warmup else floor + (1 - floor) * wave,
                "the floor is added to the wave": rising if s < warmup else min(1.0, floor + wave),
                "the wave ends at 0": rising if s < warmup else wave if p < 1 else 0.0,
                "the wave begins at step 0, not where the warm-up ends": rising
                if s < warmup
                else floor + (1 - floor) * late,
                "there is no warm-up": floor + (1 - floor) * (1 + math.cos(math.pi * max(0.0, min(1.0, p)))) / 2,
                "it falls on a line": rising if s < warmup else floor + (1 - floor) * (1 - min(1.0, p)),
            }
            agree(
                "the factor is right",
                f"cosine({s}, {n}, warmup={warmup}, floor={floor})",
                lambda: mine.cosine(s, n, warmup, floor),
                wanted(s),
                slips,
            )
