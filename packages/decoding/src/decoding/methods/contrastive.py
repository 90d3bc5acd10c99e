"""Contrastive search: likely tokens, but none whose state is like what stands there already."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from tensors import PackedWeights, generator

from ..distribution.histories import histories
from ..distribution.sampling import processed
from ..machine.inference import inference
from ..requests.checks import check_request
from ..requests.methods import check_method
from ..rows import Generated, Row
from ..settings.values import GenerationSettings
from ..settings.vocabulary import EndOfText, Vocabulary
from ..step import cached_transforms_of


def contrastive_search(
    model: Any,
    prompt: Sequence[int],
    settings: GenerationSettings,
    *,
    end_of_text: EndOfText = None,
    pack: bool | PackedWeights = True,
) -> Generated:
    """One prompt continued by, at each step, the one of the top_k likeliest tokens v that has the largest
    (1 - alpha) * p(v) - alpha * (largest cosine of v's final state with those of all earlier tokens).

    Models' states crowd in a narrow cone, and likelihood alone runs in circles there (Su et al. 2022, "A Contrastive
    Framework for Neural Text Generation", arXiv 2202.06417). All candidates are read in one call. Needs a model that
    shows its states as `gpt2.GPT2` does: `hidden(tokens, cache, lengths)` and `token_embedding.logits(state)`;
    TypeError for others. transformers has it as code on its hub only.
    """
    check_method(settings, ("contrastive",), "contrastive_search")
    vocabulary = check_request(model, [prompt], settings, end_of_text, None, first_row=None)
    if not (hasattr(model, "hidden") and hasattr(model, "token_embedding")):
        raise TypeError(
            f"wanted a model with hidden() and token_embedding, got {type(model).__name__}; contrastive search looks "
            "at states, use another method for models that show none"
        )
    row = Row(tuple(prompt), settings, generator(settings.seed, 0))
    with inference(model):
        _write(model, row, vocabulary)
    return row.result


def _write(model: Any, row: Row, vocabulary: Vocabulary) -> None:
    k = min(row.settings.top_k, model.n_vocab)
    transforms = [one for one in cached_transforms_of(row.settings, vocabulary) if one.name != "top_k"]
    cache = model.new_cache(1, min(model.n_ctx, len(row.prompt) + row.settings.max_new_tokens))
    device = cache.lengths.device
    states = model.hidden(torch.tensor([row.prompt], device=device), cache)[0]
    state = states[-1]
    cache.select(torch.zeros(k, dtype=torch.int64, device=device))
    seen = normalize(states, dim=-1)
    while row.finish_reason is None:
        if len(row.prompt) + len(row.ids) >= model.n_ctx:
            row.finish_reason = "length"
            return
        logits = model.token_embedding.logits(state)
        past = histories([row.prompt], [row.ids], device)
        likely = processed(logits.float()[None], transforms, past, [row.draws]).softmax(dim=-1)[0].topk(k)
        candidates = model.hidden(likely.indices[:, None], cache)[:, 0]
        best = contrast(likely.values, normalize(candidates, dim=-1), seen, row.settings.penalty_alpha)
        row.append(int(likely.indices[best]), vocabulary.ends)
        cache.select(torch.full((k,), best, device=device))
        state = candidates[best]
        seen = torch.cat([seen, normalize(state[None], dim=-1)])


def contrast(
    probabilities: Float[Tensor, " K"], candidates: Float[Tensor, "K C"], seen: Float[Tensor, "N C"], alpha: float
) -> int:
    """Which candidate to take, none that may not come; states have length 1."""
    likeness = (candidates @ seen.T).amax(dim=-1)
    scores = (1 - alpha) * probabilities - alpha * likeness
    return int(scores.masked_fill(probabilities == 0, -torch.inf).argmax())
