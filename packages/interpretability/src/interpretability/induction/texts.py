"""Synthetic texts on which copying is all there is to learn, and where each copy comes from differs every time.

    a b c d e f g h │ f g h b c d d e f g …      first half: tokens that differ; then pieces of it, in any order
                          · ·   · ·   · ·        what can be foretold: all but where a piece begins

Texts that only repeat themselves after some number of tokens do not do: a model copies them by position ("look back so
many tokens"), with heads of its first layer, and needs no induction head. Here only the token itself tells where to
look (compare Edelman et al. 2024, arXiv 2402.11004, whose texts are Markov chains, and Reddy 2023, arXiv 2312.03002).
"""

import torch
from jaxtyping import Int
from torch import Tensor

from trainkit import IGNORED

JUMP = 0.25
"""Chance that a piece ends after a token: four tokens long on average."""


def copying_texts(
    rows: int, length: int, pool: Int[Tensor, " P"], *, generator: torch.Generator, jump: float = JUMP
) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
    """`rows` texts of `length` tokens and their targets, which are left out (IGNORED) where nothing foretells them.

    pool: the ids that texts are made of, at least half as many as `length`. jump: the chance that a piece ends after a
    token. ValueError for a length that does not fit.
    """
    half = length // 2
    if not 2 <= half <= len(pool):
        raise ValueError(
            f"length: wanted 4..{2 * len(pool) + 1} tokens, for texts whose first half has no token twice, got "
            f"{length}; give another length, or more tokens to draw from"
        )
    order = torch.rand(rows, len(pool), generator=generator).argsort(dim=1)[:, :half]
    copied = length + 1 - half
    jumps = torch.rand(rows, copied, generator=generator) < jump
    starts = torch.randint(half - 1, (rows, copied), generator=generator)  # never the last one: nothing follows it
    places = torch.empty(rows, copied, dtype=torch.long)
    here = torch.full((rows,), half)
    for t in range(copied):
        jumps[:, t] |= here + 1 >= half
        here = torch.where(jumps[:, t], starts[:, t], here + 1)
        places[:, t] = here
    text = torch.cat([pool[order], pool[order.gather(1, places)]], dim=1)
    targets = text[:, 1:].clone()
    targets[:, : half - 1] = IGNORED
    targets[:, half - 1 :][jumps] = IGNORED
    return text[:, :-1], targets
