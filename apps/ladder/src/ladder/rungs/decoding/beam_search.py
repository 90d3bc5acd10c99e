"""Looking ahead.

Greedy writing takes the likeliest next token and may find itself in a corner: a slightly less likely token now can be
followed by a very likely one. Beam search keeps several beginnings at once. Each step goes on with all of them by all
tokens, and keeps the best by the sum of their log-probabilities, which is the logarithm of the probability of the whole
text. Sums, not products: products of many probabilities become 0.

The best of all continuations compete with each other, whichever beam they come from: one beam may give all survivors.

`step(text)` gives the log-probabilities of the next token, one for each id, as a list.

Write `beam_search`: the best text of `length` tokens after the prompt, and its sum. Equal sums: the first one found,
beams in their order, ids from 0.
"""

from collections.abc import Callable


def beam_search(
    step: Callable[[list[int]], list[float]], prompt: list[int], n_beams: int, length: int
) -> tuple[list[int], float]:
    """Prompt and continuation, and the sum of the log-probabilities of the new tokens."""
    # hole
    # hint: beams is a list of (text, sum); at first one: [(prompt, 0.0)].
    # hint: Each turn: all (text + [id], total + log_p) for each beam and id; sort by sum, largest first; keep n_beams.
    # hint: sorted(..., key=lambda beam: -beam[1]) keeps the order of equal ones. At the end beams[0].
    beams = [(list(prompt), 0.0)]
    for _ in range(length):
        longer = [([*text, i], total + p) for text, total in beams for i, p in enumerate(step(text))]
        beams = sorted(longer, key=lambda beam: -beam[1])[:n_beams]
    return beams[0]
    # end
