"""Token embeddings that begin with what counts know: which ids follow each other, without a single step of training."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from dataio import TokenShards

from ..model import GPT2

MOST_TOKENS = 2_000_000
"""As many are counted, from the beginning of a text: a table of V x V needs no more."""


def start_from_bigrams(model: GPT2, tokens: np.ndarray | TokenShards) -> None:
    """Embeddings from the singular vectors of the table of log ratios, and the frequencies of ids in the final norm.

    The left half of a token's vector says what follows it, the right half what it follows: ids that stand in the same
    places begin near each other (the log ratios are those that word2vec factors: Levy and Goldberg 2014). Their numbers
    have the deviation that drawn ones have. The bias of the final norm is a direction in which each vector has
    the logarithm of its token's frequency, so that the first logits are those frequencies.
    """
    table = model.token_embedding.weight
    assert isinstance(table, nn.Parameter)
    frequencies, ratios = log_ratios(np.asarray(tokens[:MOST_TOKENS]), model.n_vocab)
    half = min((table.shape[1] - 1) // 2, model.n_vocab)
    left, values, right = torch.linalg.svd(ratios, full_matrices=False)
    roots = values[:half].sqrt()
    vectors = torch.cat([left[:, :half] * roots, right.T[:, :half] * roots], dim=1)
    vectors = vectors * (0.02 / vectors.square().mean().sqrt())
    scale = float(frequencies.std()) / 0.02
    with torch.no_grad():
        table.copy_(torch.nn.functional.pad(vectors, (0, table.shape[1] - 2 * half)))
        table[:, -1] = (frequencies - frequencies.mean()) / scale
        model.final_norm.bias[-1] = scale


def log_ratios(ids: np.ndarray, n_vocab: int) -> tuple[Float[Tensor, " V"], Float[Tensor, "V V"]]:
    """log p(j), and log p(j | i) / p(j) where j follows i more often than by chance, 0 elsewhere.

    One occurrence of each id is added, as often followed by each id as that is frequent."""
    pairs = ids[:-1].astype(np.int64) * n_vocab + ids[1:]
    counts = torch.from_numpy(np.bincount(pairs, minlength=n_vocab**2).reshape(n_vocab, n_vocab)).float()
    single = counts.sum(0) + 1
    frequency = single / single.sum()
    following = (counts + frequency) / (counts.sum(1, keepdim=True) + 1)
    return frequency.log(), (following / frequency).log().clamp(min=0)
