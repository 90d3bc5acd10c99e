"""Weights that are set, not learned: heads that look back at two tokens, products of channels, and a mean of all.

table       [ first factors | second factors | evidence | 0 | position | balance ]
block 1     heads that look back at the two tokens before add their first factors to the token's own; the feed-forward
            layer multiplies them by the token's second factors, and adds the products to the evidence
block 2     a head that looks at all tokens alike takes the mean of their evidence
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attention import MultiHeadAttention
from gpt2 import GPT2

from .evidence import REACH

ROOM = 16.0
"""How much longer the balanced rows are than the longest needs: the less does a norm feel what is added to one."""
SHARPNESS = 4.0
"""Score by which a look at a token before beats one at no place in particular, a frequency."""
MEAN = 10.0
"""Size of the mean evidence beside that of a token's."""


@dataclass(frozen=True)
class Layout:
    """Which channels hold what: `rank` products for each of `tables` tables, and `waves` frequencies of positions."""

    tables: int
    rank: int
    waves: int

    @property
    def factors(self) -> int:
        return self.tables * self.rank

    @property
    def first(self) -> slice:
        return slice(0, self.factors)

    @property
    def second(self) -> slice:
        return slice(self.factors, 2 * self.factors)

    @property
    def evidence(self) -> slice:
        return slice(2 * self.factors, 2 * self.factors + self.tables)

    @property
    def mean(self) -> slice:
        return slice(self.evidence.stop, self.evidence.stop + self.tables)

    @property
    def position(self) -> slice:
        return slice(self.mean.stop, self.mean.stop + 2 * self.waves)

    def balance(self, of_positions: bool) -> tuple[int, int]:
        """Two channels of the table of tokens, or of that of positions."""
        start = self.position.stop + 2 * of_positions
        return start, start + 1


def waves(body: GPT2) -> int:
    """Frequencies by which a head tells positions apart: a sine and a cosine each."""
    return min(16, body.config.n_embd // body.config.n_head // 2)


def frequencies(count: int) -> Float[Tensor, " W"]:
    """Angles a token, from 0 to pi: multiples of the golden ratio, which fill the range evenly for every count."""
    return math.pi * (torch.arange(1, count + 1) * ((math.sqrt(5) - 1) / 2) % 1)


def cleared(body: GPT2) -> None:
    """Norms that only norm, no bias, nothing written to the residual stream, and empty tables."""
    body.token_embedding.weight.zero_()
    body.position_embedding.weight.zero_()
    for name, parameter in body.named_parameters():
        if parameter.ndim == 1:
            parameter.fill_(float("norm" in name and name.endswith("weight")))
        elif name.endswith(("attention.out.weight", "feed_forward.down.weight")):
            parameter.zero_()


def balance(rows: Float[Tensor, "R C"], channels: tuple[int, int]) -> float:
    """Set two channels so that each row has mean zero and all have one sum of squares, which is returned: a norm then
    multiplies every row by the same number."""
    total, squares = rows.sum(1), rows.square().sum(1)
    length = float((squares + total.square() / 2).max()) * ROOM
    half = ((length - squares) / 2 - total.square() / 4).clamp(min=0).sqrt()
    rows[:, channels[0]], rows[:, channels[1]] = half - total / 2, -half - total / 2
    return length


def look_back(body: GPT2, layout: Layout, unit: float, wave_size: float) -> None:
    """Heads of the first block look at the tokens within `REACH` before and add their first factors to the token's own.

    A query is its position's waves turned back by one token, and by two, and so on; its product with a key is the sum
    of cos(frequency x (distance - 1)) and of cos(frequency x (distance - 2)), as large at distance 1 as at 2. A head
    takes the mean of these tokens, which is made a sum."""
    attention = body.decoder.blocks[0].attention
    assert isinstance(attention, MultiHeadAttention)
    width, size = body.config.n_embd, attention.head_size
    count = layout.waves
    turns = frequencies(count) * torch.arange(1, REACH + 1)[:, None]
    cosine, sine = turns.cos().sum(0), turns.sin().sum(0)
    scale = math.sqrt(SHARPNESS * math.sqrt(size)) / (wave_size * unit)
    cosines = torch.arange(layout.position.start, layout.position.start + count)
    sines, wave = cosines + count, torch.arange(count)
    for head in range(-(-layout.factors // size)):
        rows = slice(head * size, (head + 1) * size)
        query, key, value = (attention.qkv.weight[part * width : (part + 1) * width][rows] for part in range(3))
        for matrix in (query, key, value):
            matrix.zero_()
        query[wave, cosines], query[wave, sines] = cosine * scale, sine * scale
        query[count + wave, sines], query[count + wave, cosines] = cosine * scale, -sine * scale
        key[wave, cosines], key[count + wave, sines] = torch.tensor(scale), torch.tensor(scale)
        held = torch.arange(min(size, layout.factors - head * size))
        value[held, layout.first.start + head * size + held] = 1.0
    every = torch.arange(layout.factors)
    attention.out.weight[every, every] = REACH / unit
    attention.out.weight[layout.balance(of_positions=False)[0], every] = -REACH / unit  # the mean stays zero


def multiply(body: GPT2, layout: Layout, scale: float, size: float) -> None:
    """The first feed-forward layer adds the products of factors to the evidence, four channels a product.

    GELU(z) + GELU(-z) is about z^2 sqrt(2 / pi) where z is small, and 4 x y = (x + y)^2 - (x - y)^2."""
    up, down = (body.decoder.blocks[0].get_submodule(f"feed_forward.{name}") for name in ("up", "down"))
    assert isinstance(up, nn.Linear)
    assert isinstance(down, nn.Linear)
    count, number = layout.factors, torch.arange(layout.factors)
    into = layout.evidence.start + number // layout.rank
    balancing = layout.balance(of_positions=False)[0]
    up.weight[: 4 * count] = 0.0
    for part, (of_first, of_second) in enumerate(((1, 1), (-1, -1), (1, -1), (-1, 1))):
        channel = part * count + number
        up.weight[channel, number] = torch.tensor(of_first * scale)
        up.weight[channel, count + number] = torch.tensor(of_second * scale)
        share = (1 if part < 2 else -1) * math.sqrt(math.pi / 2) / (4 * scale**2) * size
        down.weight[into, channel] = torch.tensor(share)
        down.weight[balancing, channel] = torch.tensor(-share)


def average(body: GPT2, layout: Layout, unit: float) -> None:
    """The first head of the second block looks at all tokens alike, and takes the mean of their evidence."""
    attention = body.decoder.blocks[1].attention
    assert isinstance(attention, MultiHeadAttention)
    width, size = body.config.n_embd, attention.head_size
    for part in range(3):
        attention.qkv.weight[part * width : part * width + size] = 0.0
    number = torch.arange(layout.tables)
    attention.qkv.weight[2 * width + number, layout.evidence.start + number] = 1.0
    attention.out.weight[layout.mean.start + number, number] = MEAN / unit
    attention.out.weight[layout.balance(of_positions=False)[0], number] = -MEAN / unit
