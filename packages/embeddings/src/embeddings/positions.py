"""A position's vector: attention alone cannot tell word order, so every place in the text gets a vector of its own."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from .lookup import rows_of


class LearnedPositions(nn.Module):
    """A learned table `weight` of shape [n_ctx, n_embd]; row p is the vector of position p.

    The positions are an argument, so a key-value cache or a ragged batch says where each token stands. Rows start from
    a normal distribution of standard deviation 0.01, GPT-2's (openai/gpt-2 src/model.py, `wpe`).
    """

    def __init__(self, n_ctx: int, n_embd: int) -> None:
        super().__init__()
        if n_ctx < 1 or n_embd < 1:
            raise ValueError(
                f"wanted n_ctx and n_embd of at least 1, got n_ctx={n_ctx}, n_embd={n_embd}; "
                "pass the number of positions, then the width of a vector"
            )
        self.n_ctx, self.n_embd = n_ctx, n_embd
        self.weight = nn.Parameter(torch.empty(n_ctx, n_embd))
        nn.init.normal_(self.weight, std=0.01)

    def forward(self, positions: Int[Tensor, "... T"]) -> Float[Tensor, "... T C"]:
        """Vectors of `positions`. ValueError when a position is outside 0 ... n_ctx - 1."""
        return rows_of(self.weight, positions, "positions", "shorten the text or build the table with a larger n_ctx")

    def extended(self, n_ctx: int) -> "LearnedPositions":
        """A new table for a longer (or shorter) text: the first and last vectors stay, those between are interpolated.

        Position p of the new table takes what stood at p (n_ctx_old - 1) / (n_ctx_new - 1) of the old: a start for
        further training (Chen et al. 2023, "Extending Context Window of Large Language Models via Positional
        Interpolation"). The new table has the dtype and device of the old one.
        """
        new = LearnedPositions(n_ctx, self.n_embd).to(self.weight)
        columns = self.weight.detach().T[None].float()
        stretched = nn.functional.interpolate(columns, size=n_ctx, mode="linear", align_corners=True)
        with torch.no_grad():
            new.weight.copy_(stretched[0].T)
        return new

    def extra_repr(self) -> str:
        return f"n_ctx={self.n_ctx}, n_embd={self.n_embd}"
