"""A learning rate that rises and falls.

At first, the running means of the optimizer know nothing, and large steps would throw the weights anywhere: so the rate
rises over the first steps ("warm-up"). In the end, small steps let the weights settle where they jumped about before:
so it falls, along half a cosine, slowly at both ends and fast between them.

With w steps of warm-up out of n: step number s < w, counted from 0, has the factor (s + 1) / w, so that already the
first one moves. From there on, with p going from 0 at step w to 1 at step n,

    floor + (1 - floor) * (1 + cos(pi * p)) / 2

and from step n on it stays at `floor`.

Write `cosine`: the factor of step s.
"""

import math


def cosine(s: int, n: int, warmup: int = 0, floor: float = 0.1) -> float:
    """What the learning rate is multiplied by at step s, counted from 0, of a run of n steps."""
    # hole
    # hint: Two cases: while s < warmup, and after.
    # hint: p = (s - warmup) / (n - warmup), which must not grow past 1.
    # hint: floor + (1 - floor) * (1 + math.cos(math.pi * min(1.0, p))) / 2
    if s < warmup:
        return (s + 1) / warmup
    p = min(1.0, (s - warmup) / (n - warmup))
    return floor + (1 - floor) * (1 + math.cos(math.pi * p)) / 2
    # end
