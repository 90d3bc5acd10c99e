"""What kind of head each head is: numbers from 0 to 1, measured on texts of which we know what is in them.

On tokens drawn at random and then repeated, nothing but the text itself tells what comes next. A head that finds the
token after the earlier occurrence of the present one (induction) copies; one that finds the earlier occurrence itself
(duplicate-token), or the token before (previous-token), does half of that work (Olsson et al. 2022, arXiv 2209.11895;
Wang et al. 2022, arXiv 2211.00593, for the duplicate-token heads).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor

from attention import head_scores, induction_scores
from gpt2 import GPT2, look_inside

ROWS = 16
"""Random texts that a score is the average over."""
LONGEST = 64
"""Tokens, at most, after which the random texts repeat themselves."""


@dataclass(frozen=True)
class HeadKinds:
    """One number a head, [L, H], each a share of its attention (0 to 1) but the last, which is in tokens."""

    previous: Float[Tensor, "L H"]
    """Goes to the token before."""
    duplicate: Float[Tensor, "L H"]
    """Goes to earlier occurrences of the same token."""
    induction: Float[Tensor, "L H"]
    """Goes to what came after them."""
    first: Float[Tensor, "L H"]
    """Goes to the first token, where heads look that have nothing to find (Xiao et al. 2023, arXiv 2309.17453)."""
    positional: Float[Tensor, "L H"]
    """Stays where it is when the text is another: 1 for a head that asks only how far away a token is."""
    distance: Float[Tensor, "L H"]
    """How far back it looks, in tokens, on average."""

    @property
    def kinds(self) -> dict[str, Float[Tensor, "L H"]]:
        """The scores by their names."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def best(self, kind: str) -> tuple[int, int, float]:
        """Layer, head and score of the head that is highest of that kind."""
        scores = self.kinds[kind]
        layer, head = divmod(int(scores.argmax()), scores.shape[1])
        return layer, head, float(scores[layer, head])


def repeated_tokens(
    pool: Sequence[int] | int, period: int, *, rows: int = ROWS, times: int = 2, generator: torch.Generator
) -> Int[Tensor, "B T"]:
    """Rows of `period` random tokens, then the same again, `times` in all.

    pool: the ids to draw from, or how many there are. A row's tokens differ as long as there are enough of them: so
    each has one earlier occurrence, and what follows it is no matter of chance.
    """
    ids = torch.arange(pool) if isinstance(pool, int) else torch.tensor(sorted(set(pool)))
    if len(ids) < 2:
        raise ValueError(f"wanted at least 2 different tokens to draw from, got {len(ids)}; give a longer text")
    shuffles = -(-period // len(ids))
    drawn = [
        torch.cat([ids[torch.randperm(len(ids), generator=generator)] for _ in range(shuffles)]) for _ in range(rows)
    ]
    return torch.stack(drawn)[:, :period].repeat(1, times)


@torch.no_grad()
def score_heads(
    model: GPT2, pool: Sequence[int] | int | None = None, *, period: int | None = None, rows: int = ROWS, seed: int = 0
) -> HeadKinds:
    """The kinds of all heads of `model`, on `rows` texts of random tokens repeated after `period` (default: half of the
    context, at most 64).

    pool: the ids to draw from (default: all of the model's), such as those of a text of its kind: a token that it never
    saw says nothing about it. ValueError for a context that holds no repetition.
    """
    longest = model.n_ctx // 2
    period = min(LONGEST, longest) if period is None else period
    if not 2 <= period <= longest:
        raise ValueError(
            f"period: wanted 2..{longest}, so that the context of {model.n_ctx} tokens holds it twice, got {period}; "
            "leave it out"
        )
    if rows < 2:
        raise ValueError(f"rows: wanted at least 2 texts to compare, got {rows}; leave it out")
    tokens = repeated_tokens(
        model.n_vocab if pool is None else pool, period, rows=rows, generator=torch.Generator().manual_seed(seed)
    )
    maps = look_inside(model, tokens.to(model.final_norm.weight.device)).maps
    scores = [kinds_of(weights.float().cpu(), period) for weights in maps]
    return HeadKinds(**{name: torch.stack([one[name] for one in scores]) for name in scores[0]})


def kinds_of(weights: Float[Tensor, "B H T T"], period: int) -> dict[str, Float[Tensor, " H"]]:
    """The scores of one layer's map of texts that repeat themselves every `period` tokens."""
    looks = head_scores(weights)
    return {
        "previous": looks.previous,
        "duplicate": duplicate_scores(weights, period),
        "induction": induction_scores(weights, period),
        "first": weights[..., 1:, 0].mean(dim=(0, 2)),
        "positional": positional_scores(weights),
        "distance": looks.distance,
    }


def duplicate_scores(weights: Float[Tensor, "B H T T"], period: int) -> Float[Tensor, " H"]:
    """The share of attention that goes to earlier occurrences of the token that looks, averaged over the queries from
    the first repetition on; for distinct tokens that repeat every `period`."""
    places = torch.arange(weights.shape[-1], device=weights.device)
    distance = places[period:, None] - places
    earlier = (distance > 0) & (distance % period == 0)
    return (weights[..., period:, :] * earlier).sum(dim=-1).mean(dim=(0, 2))


def positional_scores(weights: Float[Tensor, "B H T T"]) -> Float[Tensor, " H"]:
    """How much of a row's map the other rows' average foretells: the share of attention that both have in common (1
    minus the total variation distance), averaged over rows and queries from the second on."""
    rows = len(weights)
    others = (weights.sum(dim=0, keepdim=True) - weights) / (rows - 1)
    common = torch.minimum(weights, others).sum(dim=-1)
    return common[..., 1:].mean(dim=(0, 2))
