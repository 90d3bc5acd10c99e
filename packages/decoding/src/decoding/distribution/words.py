"""Logits "B V" in, logits "B V" out: words that are favored, that never come, that come first, and when to end."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

Ids = tuple[int, ...]


def sequence_bias(
    logits: Float[Tensor, "B V"], ids: Int[Tensor, "B N"], biases: Sequence[tuple[Ids, float]]
) -> Float[Tensor, "B V"]:
    """Each bias added to the logit of the last id of its sequence, in rows that end with the ids before it.

    The plainest way to steer: a logit is a log-odds, so adding ln 2 doubles a token's odds, and -inf bans it. Longer
    sequences steer whole words where a tokenizer cuts them in pieces (as in transformers' `sequence_bias`).
    """
    changed = logits.clone()
    for (*before, last), bias in biases:
        if len(before) <= ids.shape[1]:
            tail = torch.tensor(before, dtype=torch.int64, device=ids.device)
            fits = (ids[:, ids.shape[1] - len(before) :] == tail).all(dim=-1)
            changed[:, last] += torch.where(fits, bias, 0.0)
    return changed


def ban(logits: Float[Tensor, "B V"], ids: Int[Tensor, "B N"], banned: Sequence[Ids]) -> Float[Tensor, "B V"]:
    """-inf for the last id of a banned sequence in rows that end with the ids before it (transformers: bad words)."""
    return sequence_bias(logits, ids, [(sequence, -torch.inf) for sequence in banned])


def force_prefix(logits: Float[Tensor, "B V"], n_new: Int[Tensor, " B"], prefix: Sequence[int]) -> Float[Tensor, "B V"]:
    """In rows that have written less than `prefix`, -inf for every id but the next of it, whose logit becomes 0."""
    forced = torch.full_like(logits, -torch.inf)
    wanted = torch.tensor(prefix, device=logits.device)[n_new.clamp(max=len(prefix) - 1)]
    forced.scatter_(1, wanted[:, None], 0.0)
    return torch.where((n_new < len(prefix))[:, None], forced, logits)


def known_only(logits: Float[Tensor, "B V"], known: int | None) -> Float[Tensor, "B V"]:
    """-inf for the ids from `known` on, of which the tokenizer knows nothing; None: it knows all.

    As transformers' `suppress_tokens` with these ids: what others are likely stays as it is.
    """
    if known is None:
        return logits
    changed = logits.clone()
    changed[:, known:] = -torch.inf
    return changed


def not_yet(
    logits: Float[Tensor, "B V"], n_new: Int[Tensor, " B"], end_of_text: int | Sequence[int], minimum: int
) -> Float[Tensor, "B V"]:
    """-inf for the id (or ids) that end a text in rows of fewer than `minimum` new ids.

    A model that ends too early can be told to go on; the other tokens keep their proportions. transformers'
    `min_new_tokens` (its `min_length` counts the prompt too).
    """
    changed = logits.clone()
    for end in [end_of_text] if isinstance(end_of_text, int) else end_of_text:
        changed[:, end] = torch.where(n_new < minimum, -torch.inf, logits[:, end])
    return changed
