"""Three ways to read one text, whose bits per byte are three different numbers: plain, strided, dynamic.

plain: windows of the whole context that do not overlap, as `train` judges. strided: each token sees at least half of
the context. dynamic: plain windows, and after each one, once it is scored, the model learns from it, so that a name
that was new is known the next time (Krause et al. 2019, arXiv 1904.08378, without its decay; a step's gradient is cut
to norm 1). The last is a number of a model and a way to go on learning, not of the model alone.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from trainkit import bits_per_byte

from ..scores import score_tokens

RATE = 0.1
"""Of a step with a gradient of norm 1 or less. Small models of ours read prose best with 0.1, code with 0.2."""


@dataclass(frozen=True)
class Ways:
    """Bits per byte of one text."""

    plain: float
    strided: float
    dynamic: float


def three_ways(model: Any, tokens: Sequence[int], n_bytes: int, *, rate: float = RATE) -> Ways:
    """The text's tokens, the first of which is not scored, read in each of the three ways. The model stays as it is.

    model: one with `loss(tokens, targets)` whose parameters can be trained, such as `gpt2.GPT2`. rate: of the dynamic
    way; 0 makes it the plain one. ValueError for fewer than two tokens, a rate below 0, and weights that do not learn.
    """
    if not 0 <= rate < float("inf"):
        raise ValueError(f"wanted a rate of 0 or more, got {rate}; leave it out for {RATE}")
    if not hasattr(model, "loss") or not any(one.is_floating_point() for one in model.parameters()):
        raise ValueError(
            f"wanted a model that can go on learning, got {type(model).__name__}; read it before it is quantized"
        )
    plain = score_tokens(model, tokens, stride=model.n_ctx, context=model.n_ctx)
    strided = score_tokens(model, tokens)
    return Ways(
        plain.bits_per_byte(n_bytes),
        strided.bits_per_byte(n_bytes),
        bits_per_byte(_dynamic(model, tokens, rate), n_bytes),
    )


def _dynamic(model: Any, tokens: Sequence[int], rate: float) -> float:
    """Summed nats; each window is scored before it is learned from."""
    learner = copy.deepcopy(model).eval()  # no dropout: a score is a score
    weights = [one.requires_grad_() for one in learner.parameters() if one.is_floating_point()]
    device, total = weights[0].device, 0.0
    ids = torch.tensor([int(one) for one in tokens], device=device)
    with torch.enable_grad():
        for start in range(0, len(ids) - 1, model.n_ctx):
            window = ids[start : start + model.n_ctx + 1]
            loss, count = learner.loss(window[None, :-1], window[None, 1:])
            total += loss.item()
            gradients = torch.autograd.grad(loss / count, weights)
            norm = torch.sqrt(sum((one.square().sum() for one in gradients), torch.zeros((), device=device)))
            size = rate / max(1.0, norm.item())
            with torch.no_grad():
                torch._foreach_add_(weights, gradients, alpha=-size)
    return total
