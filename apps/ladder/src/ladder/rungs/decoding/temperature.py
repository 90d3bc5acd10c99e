"""How daring a model writes.

Logits become probabilities by softmax. Dividing them by a temperature first changes how sure they are: below 1 the
likely becomes likelier, above 1 all become more alike. The order never changes.

Taking the likeliest token each time is called greedy, and is what the temperature tends to as it goes to 0. Dividing by
0 itself is no number, so 0 is a case of its own: all for the largest logit (the first one, if several are equal).

A logit may be minus infinity: such a token can never come, at any temperature.

Write `probabilities`, which never gives NaN.
"""

import torch
from torch import Tensor


def probabilities(logits: Tensor, temperature: float) -> Tensor:
    """Probabilities [V] from logits [V], at a temperature from 0 on."""
    # hole
    # hint: Two cases: temperature 0, and all others.
    # hint: For 0: zeros, and 1 at logits.argmax(). Else (logits / temperature).softmax(dim=-1).
    # hint: A tiny temperature makes infinity of large logits: subtract the largest one before dividing.
    if temperature == 0:
        one_hot = torch.zeros_like(logits)
        one_hot[logits.argmax()] = 1.0
        return one_hot
    return ((logits - logits.max()) / temperature).softmax(dim=-1)
    # end
