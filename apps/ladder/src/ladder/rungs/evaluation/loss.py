"""How wrong a model is.

The model gives logits, one for each token; softmax makes probabilities of them. The loss at a place is -log of the
probability that it gave to the token that really came: 0 if it was sure and right, and ever more the surer it was of
something else. Its unit is called nat, since the logarithm is the natural one. Knowing nothing costs log(V).

    -log softmax(x)[target]  =  log(sum of exp(x)) - x[target]

Written like this it is exact, but exp of a large logit is infinite. Subtract the row's largest logit from all first:
softmax does not change.

A negative target means: do not count this place (padding, for example).

Write `loss`: the sum over all real targets, and how many they are. (A sum and a count, so that batches can be added.)
"""

import torch
from torch import Tensor

# without: cross_entropy nll_loss CrossEntropyLoss NLLLoss log_softmax logsumexp


def loss(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Summed nats, and the number of targets that are not negative; logits [B, T, V], targets [B, T]."""
    # hole
    # hint: Keep the real places alone: logits[targets >= 0] is [N, V], and targets[targets >= 0] is [N].
    # hint: x = x - x.max(dim=-1, keepdim=True).values, then x.exp().sum(dim=-1).log() less the target's logit.
    # hint: The target's logit: x[torch.arange(len(x)), targets]. Return nats.sum() and real.sum().
    real = targets >= 0
    x, wanted = logits[real], targets[real]
    x = x - x.max(dim=-1, keepdim=True).values
    nats = x.exp().sum(dim=-1).log() - x[torch.arange(len(x)), wanted]
    return nats.sum(), real.sum()
    # end
