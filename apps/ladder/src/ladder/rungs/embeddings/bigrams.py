"""The simplest language model.

How likely is each next token? The simplest answer: count. Of all places where token a stands in the text, how often is
b next? That is a bigram model: a table with a row for each token, and it already writes things that look like words.
It is also why attention is needed: nothing but the last token counts, so it cannot know who "she" is.

A pair that never occurred would get the probability 0, and the loss of a text with it would be infinite. So begin every
count at 1 instead of 0.

Write `bigrams`: the logarithm of the probability of b after a, at [a, b].
"""

import torch
from torch import Tensor


def bigrams(ids: Tensor, n_vocab: int) -> Tensor:
    """Log-probabilities [V, V] from a text's ids [N]: row a is over the tokens that may follow a."""
    # hole
    # hint: Counts: a table of ones, [V, V], and one more at [a, b] for each pair of neighbors ids[:-1], ids[1:].
    # hint: `counts[ids[:-1], ids[1:]] += 1` counts a pair that occurs twice only once. A loop over the pairs does not.
    # hint: Divide each row by its sum: (counts / counts.sum(dim=1, keepdim=True)).log()
    counts = torch.ones(n_vocab, n_vocab)
    for a, b in zip(ids[:-1].tolist(), ids[1:].tolist(), strict=True):
        counts[a, b] += 1
    return (counts / counts.sum(dim=1, keepdim=True)).log()
    # end
