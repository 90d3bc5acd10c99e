"""What the model reads, and what it is to say.

A language model learns from running text alone: at each place it says the next token, and the text itself knows whether
that was right. So one long list of ids is cut into windows of n_ctx tokens, and the targets of a window are the same
tokens, one place later. The target of the window's last token is the first token of the next window.

Get this wrong by one and the loss falls to nearly zero at once: the model copies what it sees.

Write `window`: inputs and targets of window number i; windows stand side by side, without overlap.
"""

from torch import Tensor


def window(ids: Tensor, n_ctx: int, i: int) -> tuple[Tensor, Tensor]:
    """Inputs [n_ctx] and targets [n_ctx] of window i, counted from 0. IndexError where ids [N] has no such window."""
    # hole
    # hint: Window i starts at i * n_ctx. A negative i is no window either.
    # hint: The last target stands at start + n_ctx, so that one must still be below len(ids).
    # hint: ids[start : start + n_ctx], and ids[start + 1 : start + n_ctx + 1].
    start = i * n_ctx
    if i < 0 or start + n_ctx >= len(ids):
        raise IndexError(f"there is no window {i}")
    return ids[start : start + n_ctx], ids[start + 1 : start + n_ctx + 1]
    # end
