"""A model that begins as what counts know: which token follows which, without a single step of training."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from dataio import TokenShards
from tensors import generator
from trainkit import evaluating
from transformer import FeedForward

from ..model import GPT2

MOST_TOKENS = 4_000_000
"""As many are counted, from the beginning of a text: more would hardly move the counts."""


def start_from_bigrams(model: GPT2, tokens: np.ndarray | TokenShards) -> None:
    """Make a new model predict each token from the one before it, by the counts of a text.

    The table of log ratios, log p(j | i) / p(j), is taken apart into its largest singular values (which word2vec does
    in many small steps: Levy and Goldberg 2014). Then

    - the left half of a token's embedding says what follows it, the right half what it follows;
    - the first feed-forward layer writes the left half over the right one: GELU(x) - GELU(-x) = x, so that two of its
      channels carry one number unchanged;
    - the head, which is the embedding again, compares what is to follow with what each token follows;
    - the last channel of an embedding holds the logarithm of its token's frequency, which the bias of the final norm
      reads.

    All of it is learned further like any other weight. It holds exactly where all else that writes to the residual
    stream begins at zero (`zero_output`). ValueError for a shape that has no room for it.
    """
    table, first = model.token_embedding.weight, model.decoder.blocks[0].get_submodule("feed_forward")
    assert isinstance(table, nn.Parameter)
    assert isinstance(first, FeedForward)
    if table.shape[1] < 4:
        raise ValueError(
            f"--bigram-start: wanted at least 4 channels, got {table.shape[1]}; make the model wider, or say "
            "--bigram-start False"
        )
    half = min((table.shape[1] - 1) // 2, model.n_vocab)
    frequencies, ratios = log_ratios(np.asarray(tokens[:MOST_TOKENS]), model.n_vocab)
    follows, followed = factors(ratios, half)
    left, right, number = slice(0, half), slice(half, 2 * half), torch.arange(half)
    with torch.no_grad(), evaluating(model):
        table.zero_()
        table[:, left], table[:, right] = scaled(follows), scaled(followed)
        first.up.weight[: 2 * half] = 0.0
        first.up.weight[number, number], first.up.weight[half + number, number] = 1.0, -1.0
        first.down.weight[half + number, number], first.down.weight[half + number, half + number] = 1.0, -1.0
        state = model.hidden(torch.arange(model.n_vocab)[:, None])[:, 0, right]
        # The norm makes all states equally long: the one factor that is left brings the logits nearest to the ratios.
        # (Sums over all pairs of tokens, of state @ followed.T with follows @ followed.T and with itself.)
        squares = followed.T @ followed
        table[:, right] = followed * ((state.T @ follows) * squares).sum() / ((state.T @ state) * squares).sum()
        size = frequencies.std() / 0.02
        table[:, -1] = (frequencies - frequencies.mean()) / size
        model.final_norm.bias[-1] = size


def scaled(vectors: Float[Tensor, "V C"]) -> Float[Tensor, "V C"]:
    """With the root mean square of drawn embeddings."""
    return vectors * (0.02 / vectors.square().mean().sqrt())


def log_ratios(ids: np.ndarray, n_vocab: int) -> tuple[Float[Tensor, " V"], Float[Tensor, "V V"]]:
    """log p(j), and log p(j | i) / p(j) where j follows i more often than by chance, 0 elsewhere: a sparse table.

    One occurrence of each id is added, as often followed by each id as that is frequent."""
    followers = np.bincount(ids[1:], minlength=n_vocab) + 1.0
    frequency = followers / followers.sum()
    pairs, counts = np.unique(ids[:-1].astype(np.int64) * n_vocab + ids[1:], return_counts=True)
    first, second = np.divmod(pairs, n_vocab)
    before = np.bincount(ids[:-1], minlength=n_vocab) + 1.0
    ratio = np.log((counts + frequency[second]) / before[first] / frequency[second]).clip(min=0)
    places, values = torch.from_numpy(np.stack([first, second])), torch.from_numpy(ratio).float()
    table = torch.sparse_coo_tensor(places, values, (n_vocab, n_vocab), check_invariants=True)
    return torch.from_numpy(np.log(frequency)).float(), table.coalesce()


def factors(matrix: Float[Tensor, "R C"], rank: int) -> tuple[Float[Tensor, "R K"], Float[Tensor, "C K"]]:
    """Two matrices whose product, one by the other's transpose, is nearest to `matrix` of all of that rank: its largest
    singular values, found in a random subspace that three rounds turn toward them (Halko et al., arXiv 0909.4061)."""
    drawn = torch.randn(matrix.shape[1], min(rank + 16, *matrix.shape), generator=generator("bigrams", 0))
    space = torch.linalg.qr(matrix @ drawn)[0]
    for _ in range(3):
        space = torch.linalg.qr(matrix @ (matrix.T @ space))[0]
    right, values, left = torch.linalg.svd(matrix.T @ space, full_matrices=False)
    roots = values[:rank].sqrt()
    return space @ left[:rank].T * roots, right[:, :rank] * roots
