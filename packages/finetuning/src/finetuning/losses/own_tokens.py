"""The log-probability of each token of a text, for losses in which every answer has a weight of its own.

`gpt2.head_cross_entropy` adds up all tokens of a batch and knows its gradient at once. Here the weights come later,
when the log-probabilities of two answers have been compared: the backward pass computes the logits again, some rows at
a time, and never holds more of them than that.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gpt2 import GPT2
from tensors import fast_linear

from .logit_rows import log_probabilities_of

CHUNK_BYTES = 16 * 2**20
"""Logits held at a time."""


def own_log_probabilities(model: GPT2, state: Float[Tensor, "N C"], ids: Int[Tensor, " N"]) -> Float[Tensor, " N"]:
    """log softmax(logits)[id] of each row, in float32; once differentiable in `state` and in the table of the head."""
    weight = model.token_embedding.weight
    if not isinstance(weight, nn.Parameter):  # a head of whole numbers
        return log_probabilities_of(model, state, ids)
    found: Tensor = _OwnLogProbabilities.apply(state, weight, ids)
    return found


class _OwnLogProbabilities(torch.autograd.Function):
    @staticmethod
    def forward(ctx, state, weight, ids):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(state, weight, ids)
        found = torch.empty(len(state), dtype=torch.float32, device=state.device)
        for some in _chunks(state, weight):
            logits = fast_linear(state[some], weight).float()
            found[some] = logits.gather(1, ids[some, None])[:, 0] - logits.logsumexp(1)
        return found

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        state, weight, ids = ctx.saved_tensors
        needs_state, needs_weight, _ = ctx.needs_input_grad
        of_state = torch.empty_like(state) if needs_state else None
        of_weight = torch.zeros_like(weight) if needs_weight else None
        for some in _chunks(state, weight):
            logits = fast_linear(state[some], weight).float()
            logits.sub_(logits.logsumexp(1, keepdim=True)).exp_()
            logits[torch.arange(len(logits), device=logits.device), ids[some]] -= 1.0
            each = logits.mul_(-gradient[some, None]).to(state.dtype)
            if of_state is not None:
                of_state[some] = fast_linear(each, weight.T)
            if of_weight is not None:
                of_weight.addmm_(each.T, state[some])
        return of_state, of_weight, None


def _chunks(state: Tensor, weight: Tensor) -> list[slice]:
    rows = max(16, CHUNK_BYTES // (4 * len(weight)))
    return [slice(start, start + rows) for start in range(0, len(state), rows)]
