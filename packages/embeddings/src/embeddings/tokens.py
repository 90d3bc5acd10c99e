"""A token's vector: one row of a table, chosen by its id."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from .lookup import rows_of


class TokenEmbedding(nn.Module):
    """A learned table `weight` of shape [n_vocab, n_embd]; row i is the vector of token i.

    Looking up a row equals multiplying a one-hot vector by the table, without the multiplication. Rows start from a
    normal distribution of standard deviation 0.02, GPT-2's (openai/gpt-2 src/model.py, `wte`).

    `padding_id` names a token whose vector starts as zeros and learns nothing. `scale` multiplies what a lookup returns
    (Vaswani et al. 2017, section 3.4, take the square root of n_embd). The same table can be a model's output head:
    `logits`.
    """

    def __init__(
        self,
        n_vocab: int,
        n_embd: int,
        *,
        padding_id: int | None = None,
        scale: float = 1.0,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if n_vocab < 1 or n_embd < 1:
            raise ValueError(
                f"wanted n_vocab and n_embd of at least 1, got n_vocab={n_vocab}, n_embd={n_embd}; "
                "pass the size of the vocabulary, then the width of a vector"
            )
        if padding_id is not None and not 0 <= padding_id < n_vocab:
            raise ValueError(
                f"wanted a padding_id from 0 to {n_vocab - 1}, got {padding_id}; pass an id of this vocabulary, or None"
            )
        self.n_vocab, self.n_embd, self.padding_id, self.scale = n_vocab, n_embd, padding_id, scale
        self.weight = nn.Parameter(torch.empty(n_vocab, n_embd, dtype=dtype))
        nn.init.normal_(self.weight, std=0.02)
        if padding_id is not None:
            nn.init.zeros_(self.weight[padding_id])

    def forward(self, ids: Int[Tensor, "B T"], *, table: Tensor | None = None) -> Float[Tensor, "B T C"]:
        """Vectors of `ids`. ValueError when an id is outside 0 ... n_vocab - 1.

        table: read in place of `weight`, and given a sparse gradient: for who adds that to another one of the same
        table, and needs no second tensor of its size."""
        advice = "use the tokenizer that this vocabulary belongs to"
        if table is None:
            vectors = rows_of(self.weight, ids, "token ids", advice, self.padding_id)
        else:
            vectors = rows_of(table, ids, "token ids", advice, sparse=True)
        return vectors if self.scale == 1 else vectors * self.scale

    def logits(self, x: Float[Tensor, "... C"]) -> Float[Tensor, "... V"]:
        """The tied output head: how well each vector fits each token's row, unscaled (Press and Wolf 2017)."""
        return nn.functional.linear(x, self.weight)

    def extra_repr(self) -> str:
        return f"n_vocab={self.n_vocab}, n_embd={self.n_embd}"


def grow_vocabulary(
    embedding: TokenEmbedding, n_vocab: int, *, generator: torch.Generator | None = None
) -> TokenEmbedding:
    """A new embedding with the learned rows untouched, bit for bit, and new rows up to `n_vocab`.

    A new row is the mean of the learned ones plus a hundredth of their spread: as an output head it then takes little
    probability from the old tokens (Hewitt 2021, "Initializing new word embeddings for pretrained language models").
    The padding row stays out of mean and spread. ValueError when n_vocab is below the present size.
    """
    weight = embedding.weight.detach()
    if n_vocab < len(weight):
        raise ValueError(f"wanted n_vocab of at least {len(weight)}, got {n_vocab}; a vocabulary grows, it never drops")
    padding = torch.arange(len(weight), device=weight.device) == embedding.padding_id
    learned = weight if embedding.padding_id is None or len(weight) == 1 else weight[~padding]
    spread = learned.std(dim=0, correction=0)
    noise = torch.randn(n_vocab - len(weight), weight.shape[1], generator=generator).to(weight)
    grown = TokenEmbedding(
        n_vocab, embedding.n_embd, padding_id=embedding.padding_id, scale=embedding.scale, dtype=weight.dtype
    ).to(weight.device)
    with torch.no_grad():
        grown.weight.copy_(torch.cat([weight, learned.mean(dim=0) + 0.01 * spread * noise]))
    return grown
