"""Checks of the rungs about vectors of tokens and of positions."""

import itertools
from typing import Any

import torch
from torch import Tensor

import embeddings

from .comparing import agree


def bigrams(mine: Any) -> None:
    """Counts of small texts."""
    for ids, n in (([0], 1), ([0, 1], 2), ([0, 1, 0, 1], 2), ([2, 0, 0, 1, 2, 0], 3)):
        counts = torch.zeros(n, n)
        once = torch.ones(n, n)
        for a, b in itertools.pairwise(ids):
            counts[a, b] += 1
            once[a, b] = 2
        plus = counts + 1
        slips = {
            "pairs that occur several times count once": (once / once.sum(1, keepdim=True)).log(),
            "rows and columns are exchanged: [b, a] for b after a": (plus.T / plus.T.sum(1, keepdim=True)).log(),
            "columns add up to 1, not rows": (plus / plus.sum(0, keepdim=True)).log(),
            "all pairs together add up to 1, not each row": (plus / plus.sum()).log(),
            "sums of rows divide columns: keepdim=True keeps their axis": (plus / plus.sum(1)).log(),
            "counts begin at 0": (counts / counts.sum(1, keepdim=True)).log(),
            "probabilities come out, not their logarithms": plus / plus.sum(1, keepdim=True),
            "logarithms are to the base 2": (plus / plus.sum(1, keepdim=True)).log2(),
        }
        agree(
            "rows are log-probabilities of what follows",
            f"bigrams({ids}, n_vocab={n})",
            lambda: mine.bigrams(torch.tensor(ids), n),
            (plus / plus.sum(1, keepdim=True)).log(),
            slips,
        )


def lookup(mine: Any) -> None:
    """Rows, and gradients of rows that are used twice."""
    table = torch.arange(12.0).reshape(4, 3)
    for ids in ([2], [1, 1], [[0, 3], [2, 2]]):
        one_hot = torch.nn.functional.one_hot(torch.tensor(ids), 4).float()
        slips = {"columns are looked up, not rows": table.T[torch.tensor(ids) % 3]}
        agree(
            "each id gets its row",
            f"embed(table [4, 3], {ids})",
            lambda: mine.embed(table, torch.tensor(ids)),
            one_hot @ table,
            slips,
        )
    for ids, n in (([1], 2), ([0, 0], 2), ([3, 1, 3, 3], 5)):
        gradient = torch.arange(1.0, 1 + 2 * len(ids)).reshape(len(ids), 2)
        out, last = torch.zeros(n, 2), torch.zeros(n, 2)
        for t, token in enumerate(ids):
            out[token] += gradient[t]
            last[token] = gradient[t]
        times = torch.bincount(torch.tensor(ids), minlength=n).clamp(min=1)[:, None]
        slips = {
            "of a token that stands there several times only the last place counts": last,
            "the places of a token are averaged": out / times,
        }
        given = f"embed_backward({ids}, gradient {gradient.tolist()}, n_vocab={n})"
        agree(
            "a row gets what arrives at all places of its token",
            given,
            lambda: mine.embed_backward(torch.tensor(ids), gradient, n),
            out,
            slips,
        )


def sinusoids(mine: Any) -> None:
    """Against ours, and by the contract of positions."""
    for positions, n in (([0], 2), ([1], 2), ([0, 1, 2], 4), ([[3, 4], [7, 0]], 8)):
        p = torch.tensor(positions)
        wanted = embeddings.sinusoidal_positions(p, n)
        sine, cosine = wanted[..., 0::2], wanted[..., 1::2]
        angles = p[..., None] * 10000.0 ** (-torch.arange(n // 2) / n)
        slips = {
            "all sines come first, then all cosines": torch.cat((sine, cosine), -1),
            "the cosine comes before the sine": torch.stack((cosine, sine), -1).flatten(-2),
            "the exponent is i / C, not 2i / C": torch.stack((angles.sin(), angles.cos()), -1).flatten(-2),
        }
        agree(
            "channels are waves in pairs", f"sinusoids({positions}, {n})", lambda: mine.sinusoids(p, n), wanted, slips
        )
    embeddings.contract.check(lambda positions: mine.sinusoids(positions, 8), n_ctx=9)


def rotary(mine: Any) -> None:
    """By numbers, and by the contract of rotations."""
    for t, d, first_position in ((1, 2, 0), (2, 2, 0), (3, 4, 0), (2, 2, 3)):
        x = torch.randn(1, t, d, generator=torch.Generator().manual_seed(t)).round(decimals=1)
        positions = torch.arange(first_position, first_position + t)
        angles = positions[:, None] * 10000.0 ** (-torch.arange(0, d, 2) / d)
        first, second = x[..., 0::2], x[..., 1::2]
        left, right = x[..., : d // 2], x[..., d // 2 :]
        wanted = _pairs(*_turn(first, second, angles))
        slow = positions[:, None] * 10000.0 ** (-torch.arange(d // 2) / d)
        turned = _turn(first, second, angles)[0]
        overwritten = turned * angles.sin() + second * angles.cos()
        slips = {
            "it turns the other way": _pairs(*_turn(first, second, -angles)),
            "channel i is paired with channel i + D/2": torch.cat(_turn(left, right, angles), -1),
            "the pairs are not put together again": torch.cat(_turn(first, second, angles), -1),
            "all pairs turn equally fast": _pairs(*_turn(first, second, positions[:, None] * torch.ones(d // 2))),
            "the exponent is i / D, not 2i / D": _pairs(*_turn(first, second, slow)),
            "the first of a pair is overwritten before the second is computed": _pairs(turned, overwritten),
            "positions are counted from 0, not taken": _pairs(*_turn(first, second, angles - angles[:1])),
            "nothing is turned": x,
        }
        agree(
            "each pair of channels turns with its position",
            f"rotate(x {[1, t, d]}, positions {positions.tolist()})",
            lambda: mine.rotate(x.clone(), positions),
            wanted,
            slips,
        )
    embeddings.contract.check_rotation(mine.rotate, head_size=4, n_ctx=6)


def _turn(x: Tensor, y: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
    return x * angles.cos() - y * angles.sin(), x * angles.sin() + y * angles.cos()


def _pairs(first: Tensor, second: Tensor) -> Tensor:
    return torch.stack((first, second), -1).flatten(-2)
