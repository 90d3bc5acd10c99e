"""Rotary positions: queries and keys turn by an angle that grows with their place, so scores see only distances."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from .rotary_scaling import Frequencies, unscaled

Table = Float[Tensor, "... T R"]


def rotate(x: Float[Tensor, "B H T D"], cos: Table, sin: Table, *, interleaved: bool = False) -> Tensor:
    """Turn each pair of the first 2R channels of `x` by the angle whose cosine and sine are given, [..., T, R].

    Pair i is channels (i, i + R), as in Llama's and GPT-NeoX's published weights, or with `interleaved` (2i, 2i + 1),
    as in the paper (Su et al. 2021, equation 34) and GPT-J. Channels past 2R pass unchanged (partial rotation).
    Takes no memory but the result; tables that want a gradient take `rotate_reference`, which keeps more for it.
    """
    if cos.requires_grad or sin.requires_grad:
        return rotate_reference(x, cos, sin, interleaved=interleaved)
    return Turn.apply(x, cos, sin, interleaved)


def rotate_reference(x: Float[Tensor, "B H T D"], cos: Table, sin: Table, *, interleaved: bool = False) -> Tensor:
    """The same as the formula says it: (a, b) becomes (a cos - b sin, b cos + a sin)."""
    firsts, seconds = pairs(cos.shape[-1], interleaved)
    turned = x.to(torch.result_type(x, cos), copy=True)
    turned[..., firsts] = x[..., firsts] * cos - x[..., seconds] * sin
    turned[..., seconds] = x[..., seconds] * cos + x[..., firsts] * sin
    return turned


def pairs(n_pairs: int, interleaved: bool) -> tuple[slice, slice]:
    """Where the first and the second channels of all pairs stand."""
    if interleaved:
        return slice(0, 2 * n_pairs, 2), slice(1, 2 * n_pairs, 2)
    return slice(0, n_pairs), slice(n_pairs, 2 * n_pairs)


class Turn(torch.autograd.Function):
    """`rotate_reference` in three passes over memory instead of nine; its gradient is the turn back, so that nothing of
    `x` is kept for it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, cos: Tensor, sin: Tensor, interleaved: bool) -> Tensor:
        n_pairs, rest = cos.shape[-1], x.shape[-1] - 2 * cos.shape[-1]
        both = cos.repeat_interleave(2, dim=-1) if interleaved else torch.cat([cos, cos], dim=-1)
        turned = x * nn.functional.pad(both, (0, rest), value=1.0)
        firsts, seconds = pairs(n_pairs, interleaved)
        turned[..., firsts].addcmul_(x[..., seconds], sin, value=-1)
        turned[..., seconds].addcmul_(x[..., firsts], sin)
        return turned

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, bool], output: Tensor) -> None:
        _, cos, sin, ctx.interleaved = inputs
        ctx.save_for_backward(cos, sin)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        cos, sin = ctx.saved_tensors
        return Turn.apply(gradient, cos, -sin, ctx.interleaved), None, None, None


class RotaryPositions(nn.Module):
    """Rotates queries or keys of `head_size` channels by their positions; nothing is learned or saved.

    `rotated` channels turn (all by default; GPT-NeoX turns a quarter), `base` spreads the wavelengths, `scaling`
    stretches them for texts longer than in training (`linear_scaling`, `ntk_scaling`, `yarn_scaling`). The positions
    are an argument: with a key-value cache, pass those of the new tokens and keep the keys rotated.
    """

    frequencies: Tensor

    def __init__(
        self,
        head_size: int,
        *,
        base: float = 10_000.0,
        rotated: int | None = None,
        interleaved: bool = False,
        scaling: Frequencies = unscaled,
    ) -> None:
        super().__init__()
        rotated = head_size if rotated is None else rotated
        if not 2 <= rotated <= head_size or rotated % 2:
            raise ValueError(
                f"wanted an even number of rotated channels from 2 to the head size, got {rotated} of {head_size}; "
                "channels turn in pairs: take an even head size, or an even `rotated` below it"
            )
        self.head_size, self.rotated, self.interleaved = head_size, rotated, interleaved
        frequencies, self.attention_factor = scaling(rotated, base)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def tables(self, positions: Int[Tensor, "... T"]) -> tuple[Table, Table]:
        """(cosines, sines) of shape [..., T, rotated / 2], float32: make them once for all layers, and `rotate`."""
        angles = positions[..., None] * self.frequencies
        return angles.cos() * self.attention_factor, angles.sin() * self.attention_factor

    def forward(self, x: Float[Tensor, "B H T D"], positions: Int[Tensor, "... T"]) -> Float[Tensor, "B H T D"]:
        """`x` rotated, in its own dtype. `positions` are [T], or [B, T] for rows that stand at different places."""
        if x.shape[-1] != self.head_size or positions.shape not in {x.shape[2:3], (x.shape[0], x.shape[2])}:
            raise ValueError(
                f"wanted x [B, H, T, {self.head_size}] and positions [T] or [B, T], got {list(x.shape)} and "
                f"{list(positions.shape)}; split the heads first, and give every token its position"
            )
        cos, sin = (table.to(x.dtype) for table in self.tables(positions))
        if positions.ndim == 2:
            cos, sin = cos[:, None], sin[:, None]
        return rotate(x, cos, sin, interleaved=self.interleaved)

    def extra_repr(self) -> str:
        return f"head_size={self.head_size}, rotated={self.rotated}, interleaved={self.interleaved}"
