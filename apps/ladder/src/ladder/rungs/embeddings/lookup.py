"""A token becomes a vector.

To a model a token is a number without meaning: 7 is not more than 3. So every token has a vector of its own, a row of a
table, and the table is learned like any other weight. Looking up row 7 is the same as multiplying the table by a vector
that is 1 at place 7 and 0 elsewhere, only without all those products.

From this follows the gradient: the row of a token gets what arrives at the places where the token stands. If it stands
at three places, it gets the sum of three; rows of tokens that do not occur get 0.

Write `embed`, and `embed_backward`, which gives the gradient of the table.
"""

import torch
from torch import Tensor

# without: embedding Embedding embedding_bag EmbeddingBag


def embed(table: Tensor, ids: Tensor) -> Tensor:
    """Vectors [..., C] of ids [...] from a table [V, C]."""
    # hole
    # hint: A tensor can be indexed by a tensor of whole numbers.
    # hint: table[0] is row 0; table[ids] has a row for each id.
    # hint: return table[ids]
    return table[ids]
    # end


def embed_backward(ids: Tensor, gradient: Tensor, n_vocab: int) -> Tensor:
    """The gradient of the table, [V, C], from that of the vectors, [T, C], of ids [T]."""
    # hole
    # hint: Begin with zeros, [n_vocab, C], and add each arriving row where its token's row is.
    # hint: table[ids] += gradient keeps only one of the parts of a token that stands there twice. Loop, or index_add_.
    # hint: out.index_add_(0, ids, gradient) adds row t of gradient to row ids[t] of out, all of them.
    out = torch.zeros(n_vocab, gradient.shape[1])
    for t, token in enumerate(ids.tolist()):
        out[token] += gradient[t]
    return out
    # end
