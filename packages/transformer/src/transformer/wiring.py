"""How a part is joined to the stream: where the norm stands, and what is added to what."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from .norms import LayerNorm
from .recomputation import through

WIRINGS = ("pre", "post", "sandwich", "parallel")


@dataclass(frozen=True)
class Residual:
    """One joint: the stream x, plus what a part changes."""

    wiring: str
    norm: nn.Module
    norm_after: nn.Module | None
    dropout: nn.Module

    def __call__(self, x: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
        if self.wiring == "post":
            return self.norm(x + self.dropout(part(x)))
        return x + self.change(x, part)

    def change(self, x: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
        """What `part` adds to the stream where the norm stands before it."""
        # In the "pre" norm of GPT-2 a sixth of what a block keeps for its way back.
        y = through(self.norm, x, part) if computes_again(self.norm) else part(self.norm(x))
        return self.dropout(y if self.norm_after is None else self.norm_after(y))


def computes_again(norm: nn.Module) -> bool:
    """Whether a second call gives the same, and the first need not be kept: unless hooks see or change it (those of
    `summary` only look, and say so), of `LayerNorm`. (torch's RMS norm keeps its result in any case.)"""
    kinds = norm._forward_hooks, norm._forward_pre_hooks, norm._backward_hooks, norm._backward_pre_hooks
    return type(norm) is LayerNorm and all(hasattr(hook, "only_looks") for hooks in kinds for hook in hooks.values())


def check_wiring(wiring: str, *allowed: str) -> None:
    if wiring not in allowed:
        raise ValueError(f"wanted a wiring out of {', '.join(allowed)}; got {wiring!r}; choose one of these")
