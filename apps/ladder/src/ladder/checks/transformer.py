"""Checks of the rungs about blocks: by torch's layers, by small cases that name the slip, and by the contract."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import transformer

from ..assembled import AssembledGPT2, Pieces
from .comparing import agree, refuse


def layer_norm(mine: Any) -> None:
    """Against torch's."""
    for shape in ((1, 2), (2, 2), (2, 3, 4)):
        n = shape[-1]
        source = torch.Generator().manual_seed(n)
        x, weight, bias = (torch.randn(s, generator=source).round(decimals=1) for s in (shape, (n,), (n,)))
        wanted = nn.functional.layer_norm(x, (n,), weight, bias)
        mean, far = x.mean(-1, keepdim=True), x - x.mean(-1, keepdim=True)
        deviation = (far.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        first = x - x.mean(0, keepdim=True)
        slips = {
            "the variance divides by C - 1 (that is what x.var and x.std do)": far
            / (x.var(-1, keepdim=True) + 1e-5).sqrt()
            * weight
            + bias,
            "the standard deviation divides by C - 1, and epsilon is added to it": far
            / (x.std(-1, keepdim=True) + 1e-5)
            * weight
            + bias,
            "the mean is not subtracted": x / deviation * weight + bias,
            "it divides by the variance, not by its root": far / deviation**2 * weight + bias,
            "the norm runs over the rows of the batch, not over channels": first
            / (first.square().mean(0, keepdim=True) + 1e-5).sqrt()
            * weight
            + bias,
            "the norm runs over everything at once": (x - x.mean()) / (x.var(correction=0) + 1e-5).sqrt() * weight
            + bias,
            "weight and bias are left out": far / deviation,
            "the bias is added before the weight multiplies": (far / deviation + bias) * weight,
        }
        if shape == (2, 2):
            columns = (x - x.mean(-1)) / (x.var(-1, correction=0) + 1e-5).sqrt() * weight + bias
            slips["means of rows are subtracted from columns: keepdim=True keeps their axis"] = columns
        assert mean.shape[-1] == 1
        agree(
            "each vector is normed over its channels",
            f"layer_norm(x {list(shape)}, weight [{n}], bias [{n}])",
            lambda: mine.layer_norm(x, weight, bias),
            wanted,
            slips,
            1e-3,
        )
    flat = torch.full((1, 3), 7.0)
    agree(
        "a constant vector divides by no zero",
        "layer_norm([[7, 7, 7]], ones, zeros)",
        lambda: mine.layer_norm(flat, torch.ones(3), torch.zeros(3)),
        torch.zeros(1, 3),
        {"epsilon is missing": torch.full((1, 3), math.nan)},
    )
    small = torch.tensor([[0.0, 0.002]])
    agree(
        "epsilon is added to the variance, before the root",
        "layer_norm([[0, 0.002]], ones, zeros)",
        lambda: mine.layer_norm(small, torch.ones(2), torch.zeros(2)),
        nn.functional.layer_norm(small, (2,)),
        {
            "epsilon is added to the root": torch.tensor([[-0.001, 0.001]]) / (0.001 + 1e-5),
            "epsilon is missing": torch.tensor([[-1.0, 1.0]]),
        },
    )
    agree(
        "epsilon is the one that is given",
        "layer_norm([[0, 2]], ones, zeros, epsilon=1)",
        lambda: mine.layer_norm(torch.tensor([[0.0, 2.0]]), torch.ones(2), torch.zeros(2), 1.0),
        torch.tensor([[-1.0, 1.0]]) / math.sqrt(2),
    )


def gelu(mine: Any) -> None:
    """Against torch's tanh form, which differs from the exact one in the fourth digit."""
    for numbers in ([0.0], [-1.0], [1.0], [2.5, -0.5], [30.0, -30.0], [1e-3, 0.7, -4.0]):
        x = torch.tensor(numbers)
        wanted = nn.functional.gelu(x, approximate="tanh")
        root = math.sqrt(2 / math.pi)
        slips = {
            "the exact GELU is computed": nn.functional.gelu(x),
            "ReLU is computed": x.relu(),
            "the sigmoid form is computed, x * sigmoid(1.702 x)": x * (1.702 * x).sigmoid(),
            "the factor sqrt(2 / pi) is missing": 0.5 * x * (1 + torch.tanh(x + 0.044715 * x**3)),
            "x² stands where x³ should": 0.5 * x * (1 + torch.tanh(root * (x + 0.044715 * x**2))),
            "the factor 0.5 is missing": x * (1 + torch.tanh(root * (x + 0.044715 * x**3))),
            "2 / pi is not under a root": 0.5 * x * (1 + torch.tanh(2 / math.pi * (x + 0.044715 * x**3))),
            "sqrt(2 / pi) does not multiply the cube": 0.5 * x * (1 + torch.tanh(root * x + 0.044715 * x**3)),
        }
        agree("it is GPT-2's form of GELU", f"gelu({numbers})", lambda: mine.gelu(x), wanted, slips, 1e-6)


def residual(mine: Any) -> None:
    """By numbers, and by the gradient that arrives after fifty layers."""
    layers: list[Callable[[Tensor], Tensor]] = [lambda x: 2 * x, lambda x: x + 1]
    for n in (0, 1, 2):
        x = torch.tensor([1.0, 3.0])
        wanted, replaced, at_start, at_end = x, x, x, x
        for layer in layers[:n]:
            wanted, replaced = wanted + layer(wanted), layer(replaced)
            at_start = at_start + layer(x)
        for layer in layers[:n]:
            at_end = layer(at_end)
        slips = {
            "layers replace the stream: there is no plus sign": replaced,
            "every layer reads the start, not what the stream has become": at_start,
            "only the start is added once, at the end": x + at_end,
            "layers come in the opposite order": _added(x, layers[:n][::-1]),
        }
        given = f"stream([1, 3], {['no layer', '[x -> 2 x]', '[x -> 2 x, x -> x + 1]'][n]})"
        agree("each layer adds what it makes of the stream", given, lambda: mine.stream(x, layers[:n]), wanted, slips)
        if x.tolist() != [1.0, 3.0]:
            refuse(
                "the tensor that was given stays as it was",
                given,
                "wanted     [1, 3] afterwards\n"
                f"got        {x.tolist()}\nthat is what comes out when += changes it in place",
            )
    x = torch.ones(1, requires_grad=True)
    deep: list[Callable[[Tensor], Tensor]] = [lambda x: 0.1 * x] * 50
    out = mine.stream(x, deep)
    (slope,) = torch.autograd.grad(out.sum(), x)
    agree(
        "the gradient reaches the start of fifty layers",
        "the slope of stream(x, 50 layers x -> 0.1 x)",
        lambda: slope,
        torch.tensor([1.1**50]),
        {"it vanishes: 0.1 to the power of 50": torch.tensor([0.1**50])},
        1e-3,
    )


def _added(x: Tensor, layers: list[Callable[[Tensor], Tensor]]) -> Tensor:
    for layer in layers:
        x = x + layer(x)
    return x


class Block(nn.Module):
    """A block wired by a function, with our parts; `like` is ours with the same weights."""

    def __init__(self, wiring: Callable[..., Tensor], n_embd: int = 8) -> None:
        super().__init__()
        self.n_embd = n_embd
        self.like = transformer.DecoderBlock(n_embd, 2)
        self.wired = _Wired(wiring)

    def forward(self, x: Tensor) -> Tensor:
        return self.wired._block(self.like, x)


class _Wired:
    """What `AssembledGPT2._block` asks for, without a model around it."""

    def __init__(self, wiring: Callable[..., Tensor]) -> None:
        self.pieces = Pieces(block=wiring)

    _block: Any = AssembledGPT2._block
    _norm, _attention, _feed_forward = AssembledGPT2._norm, AssembledGPT2._attention, AssembledGPT2._feed_forward


def block(mine: Any) -> None:
    """With parts that one can follow, then by the contract of any block, against ours."""
    x = torch.tensor([[[1.0, 2.0]]])
    norm: Callable[[Tensor], Tensor] = lambda x: x + 10  # noqa: E731
    other: Callable[[Tensor], Tensor] = lambda x: x + 100  # noqa: E731
    look: Callable[[Tensor], Tensor] = lambda x: 2 * x  # noqa: E731
    think: Callable[[Tensor], Tensor] = lambda x: 3 * x  # noqa: E731
    middle = x + look(norm(x))
    post = norm(x + look(x))
    normed = other(norm(x) + look(norm(x)))
    slips = {
        "there is no plus sign at all": think(other(look(norm(x)))),
        "both parts add to the normed stream, not to the stream": normed + think(normed),
        "norms stand after the plus sign, as in the first transformer": other(post + think(post)),
        "the first part replaces the stream: its plus sign is missing": look(norm(x)) + think(other(look(norm(x)))),
        "the second part replaces the stream: its plus sign is missing": think(other(middle)),
        "both parts read the start of the block": x + look(norm(x)) + think(other(x)),
        "the second part adds to the start of the block": x + think(other(middle)),
        "one norm serves both parts": middle + think(norm(middle)),
        "the normed stream is what is added to": norm(x) + look(norm(x)) + think(other(norm(x) + look(norm(x)))),
        "the parts are exchanged": x + think(other(x)) + look(norm(x + think(other(x)))),
        "there are no norms": x + look(x) + think(x + look(x)),
    }
    given = "block([1, 2]) with norms x + 10 and x + 100, attention 2 x, feed-forward 3 x"
    agree(
        "both parts read through their norm and add",
        given,
        lambda: mine.block(x, norm, look, other, think),
        middle + think(other(middle)),
        slips,
    )
    mine_ = Block(mine.block)
    transformer.contract.check(mine_, reference=mine_.like)
