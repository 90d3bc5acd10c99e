"""Several heads.

One attention can look for one thing at a time. So the C channels of each token are cut into H heads of D = C / H
channels, and each head attends on its own: one may look for the word before, another one for the subject. No head costs
extra, since each works on a part only.

A head's channels lie side by side: head 0 has channels 0 to D - 1, head 1 the next D. To compute all heads at once they
become an axis of their own, before the axis of the tokens: [B, T, C] becomes [B, H, T, D].

It is tempting to do it with a single `view`, and the shape would be right. The numbers would be mixed over tokens.

Write `split_heads`, and `merge_heads`, which undoes it.
"""

from torch import Tensor


def split_heads(x: Tensor, n_head: int) -> Tensor:
    """[B, T, C] to [B, n_head, T, D]."""
    # hole
    # hint: Two steps: first cut the last axis in two, then exchange two axes.
    # hint: x.view(B, T, n_head, D) cuts channels into heads; each token's numbers stay together.
    # hint: .transpose(1, 2) exchanges the axes of tokens and heads.
    b, t, c = x.shape
    return x.reshape(b, t, n_head, c // n_head).transpose(1, 2)
    # end


def merge_heads(x: Tensor) -> Tensor:
    """[B, H, T, D] to [B, T, H * D], head after head."""
    # hole
    # hint: The same two steps backwards.
    # hint: First transpose(1, 2), to [B, T, H, D]; then join the last two axes.
    # hint: .reshape(b, t, h * d), because after transpose a view is not possible; or .flatten(2).
    b, h, t, d = x.shape
    return x.transpose(1, 2).reshape(b, t, h * d)
    # end
