"""Logits "B V" and what was written so far in, logits "B V" out: five ways not to write the same again."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .histories import NOTHING, marked

LONGEST_REPEAT = 64
"""DRY counts repeated sequences up to this length; the penalty on longer ones is beyond any logit."""


def repetition_penalty(logits: Float[Tensor, "B V"], ids: Int[Tensor, "B N"], penalty: float) -> Float[Tensor, "B V"]:
    """Logits of the ids in each row divided by `penalty` where positive, multiplied by it where negative.

    Discounts what was said already, prompt included, once however often it was said (Keskar et al. 2019, "CTRL", arXiv
    1909.05858, section 4.1; the two cases are transformers', since dividing a negative logit would favor it).
    llama.cpp looks at the last 64 tokens only.
    """
    there = ids.clamp(min=0)
    own = logits.gather(1, there)
    changed = torch.where(own < 0, own * penalty, own / penalty)
    # Where a row has no id, its first one stands in, in a column of its own at the end.
    spare = torch.where(ids == NOTHING, logits.shape[-1], ids)
    return torch.nn.functional.pad(logits, (0, 1)).scatter(1, spare, changed)[:, :-1]


def frequency_penalty(logits: Float[Tensor, "B V"], new: Int[Tensor, "B M"], penalty: float) -> Float[Tensor, "B V"]:
    """Logits less `penalty` times how often the id was generated; the prompt does not count.

    Grows until a loop breaks, however sure the model is of it (OpenAI's API reference). A negative penalty
    favors repetition.
    """
    if new.shape[1] == 0:
        return logits
    weights = torch.where(new == NOTHING, 0.0, -penalty).to(logits)
    return logits.scatter_add(1, new.clamp(min=0), weights)


def presence_penalty(logits: Float[Tensor, "B V"], new: Int[Tensor, "B M"], penalty: float) -> Float[Tensor, "B V"]:
    """Logits less `penalty` for every id that was generated, once; the prompt does not count.

    A nudge towards new subjects, where `frequency_penalty` is one away from the most used words (OpenAI's API
    reference).
    """
    return logits - penalty * marked(new, logits.shape[-1])


def no_repeat_ngram(logits: Float[Tensor, "B V"], ids: Int[Tensor, "B N"], size: int) -> Float[Tensor, "B V"]:
    """-inf for ids that would complete a sequence of `size` ids that already stands in the row, prompt included.

    The bluntest cure for loops (Paulus, Xiong and Socher 2017, "A Deep Reinforced Model for Abstractive Summarization",
    arXiv 1705.04304, section 2.5). As in transformers; CTranslate2 leaves the prompt out.
    """
    if ids.shape[1] < size:
        return logits
    windows = ids.unfold(1, size, 1)
    last = ids[:, ids.shape[1] - size + 1 :]
    repeats = (windows[..., :-1] == last[:, None]).all(-1) & (windows != NOTHING).all(-1)
    return logits.masked_fill(marked(windows[..., -1].where(repeats, NOTHING), logits.shape[-1]), -torch.inf)


def dry(
    logits: Float[Tensor, "B V"],
    ids: Int[Tensor, "B N"],
    multiplier: float,
    base: float = 1.75,
    allowed_length: int = 2,
) -> Float[Tensor, "B V"]:
    """Logits less multiplier * base ** (n - allowed_length) for ids that would prolong a repeated sequence of length n.

    Only verbatim repetition is punished, and the more the longer it runs; single words may come back as they like
    (DRY, "don't repeat yourself", p-e-w 2024, text-generation-webui pull request 5677). n counts the ids before the new
    one that equal those before an earlier place where it stood; shorter than `allowed_length` is free. Prompt and new
    ids count; llama.cpp also ends sequences at newlines, colons, quotes and asterisks.
    """
    repeated = repeat_lengths(ids)
    following, lengths = ids[:, 1:], repeated[:, :-1]
    places = following.clamp(min=0)
    longest = torch.zeros_like(logits, dtype=torch.int64).scatter_reduce_(1, places, lengths, "amax").gather(1, places)
    penalty = multiplier * base ** (longest - allowed_length).to(logits)
    chosen = logits.gather(1, places)
    return logits.scatter(1, places, torch.where(longest >= allowed_length, chosen - penalty, chosen))


def repeat_lengths(ids: Int[Tensor, "B N"]) -> Int[Tensor, "B N"]:
    """For each place, how many ids up to it equal as many at the row's end (at most LONGEST_REPEAT)."""
    lengths = torch.zeros_like(ids)
    matching = torch.ones_like(ids, dtype=torch.bool)
    for back in range(min(LONGEST_REPEAT, ids.shape[1])):
        end = ids[:, ids.shape[1] - 1 - back, None]
        earlier = torch.nn.functional.pad(ids, (back, 0), value=NOTHING)[:, : ids.shape[1]]
        matching = matching & (earlier == end) & (end != NOTHING)
        if not matching[:, :-1].any():
            break
        lengths += matching
    return lengths
