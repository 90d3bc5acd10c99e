"""A long text through a short window.

A model looks back on n_ctx tokens at most, but a text may have a million. Cut into windows side by side, the first
tokens of each would be judged almost without context. So windows overlap: each moves on by `stride` tokens, and only
tokens that no window judged before count. The others are there to be looked at.

`score(window)` gives, for a list of at most n_ctx ids, the log-probabilities of all but the first: one fewer than ids.
The first token of the text is never judged.

Perplexity is exp of the mean nats a token: a model that wavers between 10 tokens at each place has a perplexity of 10.

Write `perplexity`. Windows start at 0, stride, 2 * stride, ...; the last one is the first that reaches the end. The
stride is below n_ctx.
"""

import math
from collections.abc import Callable


def perplexity(score: Callable[[list[int]], list[float]], ids: list[int], n_ctx: int, stride: int) -> float:
    """Perplexity of a text of at least two ids."""
    # hole
    # hint: Remember how many tokens are judged already: at first 1, the first token of the text, which is never judged.
    # hint: A window from start to stop = min(start + n_ctx, len(ids)) judges the tokens judged, ..., stop - 1.
    # hint: Of score(ids[start:stop]) take the last stop - judged values. End when stop == len(ids).
    total, judged, start = 0.0, 1, 0
    while judged < len(ids):
        stop = min(start + n_ctx, len(ids))
        total += sum(score(ids[start:stop])[-(stop - judged) :])
        judged, start = stop, start + stride
    return math.exp(-total / (len(ids) - 1))
    # end
