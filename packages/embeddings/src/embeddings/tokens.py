"""A token's vector: one row of a table, chosen by its id."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from .lookup import rows_of


class TokenEmbedding(nn.Module):
    """A learned table `weight` of shape [n_vocab, n_embd]; row i is the vector of token i.

    Looking up a row equals multiplying a one-hot vector by the table, without the multiplication. Rows start from a
    normal distribution of standard deviation 0.02, GPT-2's (openai/gpt-2 src/model.py, `wte`). The same tensor can
    serve as a model's output head: `x @ embedding.weight.T`.
    """

    def __init__(self, n_vocab: int, n_embd: int) -> None:
        super().__init__()
        if n_vocab < 1 or n_embd < 1:
            raise ValueError(
                f"wanted n_vocab and n_embd of at least 1; got n_vocab={n_vocab}, n_embd={n_embd}; "
                "pass the size of the vocabulary, then the width of a vector"
            )
        self.n_vocab, self.n_embd = n_vocab, n_embd
        self.weight = nn.Parameter(torch.empty(n_vocab, n_embd))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T C"]:
        """Vectors of `ids`. ValueError when an id is outside 0 ... n_vocab - 1."""
        return rows_of(self.weight, ids, "token ids", "use the tokenizer that this vocabulary belongs to")

    def extra_repr(self) -> str:
        return f"n_vocab={self.n_vocab}, n_embd={self.n_embd}"
