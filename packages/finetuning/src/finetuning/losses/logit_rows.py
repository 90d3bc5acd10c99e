"""What is asked of logits, some rows at a time: a loss over 50,257 ids need never hold them all.

`gpt2.head_cross_entropy` adds up all tokens of a batch and knows its gradient at once. Here each answer has a weight of
its own, which comes later, when answers have been compared or judged: the backward pass computes the logits again.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gpt2 import GPT2
from tensors import fast_linear

from ..adapted import product

CHUNK_BYTES = 16 * 2**20
"""Logits held at a time."""


def over_rows(
    model: GPT2, state: Float[Tensor, "N C"], ask: Callable[..., Tensor], *others: Tensor
) -> Float[Tensor, "N ..."]:
    """`ask(logits, *others)` of each row, where `logits` [n, V] in float32 are those of some rows of `state`, and
    `others` the same rows of tensors [N, ...]. Where a gradient is wanted the logits are computed once more for it."""
    parts = []
    chunks = _chunks(len(state), model.n_vocab) or [slice(0, 0)]
    for rows in chunks:
        some = [tensor[rows] for tensor in (state, *others)]
        if torch.is_grad_enabled() and len(chunks) > 1:
            parts.append(checkpoint(_asked, model, ask, *some, use_reentrant=False, preserve_rng_state=False))
        else:
            parts.append(_asked(model, ask, *some))
    return torch.cat(parts)


def _asked(model: GPT2, ask: Callable[..., Tensor], state: Tensor, *others: Any) -> Tensor:
    return ask(logits_of(model, state), *others)


def logits_of(model: GPT2, state: Float[Tensor, "N C"]) -> Float[Tensor, "N V"]:
    """The logits after some states, in float32."""
    return product(model.token_embedding, state).float()


def log_probabilities_of(
    model: GPT2, state: Float[Tensor, "N C"], ids: Int[Tensor, " N"], temperature: float = 1.0
) -> Float[Tensor, " N"]:
    """log softmax(logits / temperature)[id] of each row, in float32; differentiable once, in `state` and in the table.
    Under autocast the products are in its type, those of the gradient too."""
    rows = state.to(_type_of_products(state))
    found: Tensor = _OwnLogProbabilities.apply(rows, as_multiplied(model.token_embedding), ids, temperature)
    return found


def as_multiplied(embedding: nn.Module) -> Float[Tensor, "V C"]:
    """The table that the head multiplies by, ready for many rows at a time. One that learns is the parameter itself. A
    frozen one is in the type of products: autocast would convert it again for every few rows. One of whole numbers is
    restored, a thousand rows at a time, in place of once and again for every few rows of the gradient."""
    weight: Tensor = embedding.weight  # type: ignore[assignment]
    if isinstance(weight, nn.Parameter):
        return weight if weight.requires_grad else weight.detach().to(_type_of_products(weight))
    some_rows: Callable[[slice], tuple[Tensor, Tensor | None]] = embedding.rows  # type: ignore[assignment]
    found = some_rows(slice(0))[0].new_empty(len(weight), embedding.in_features)  # type: ignore[call-overload]
    found = found.to(_type_of_products(found))
    for start in range(0, len(found), 1000):
        some = slice(start, start + 1000)
        found[some] = some_rows(some)[0]
    return found


def _type_of_products(x: Tensor) -> torch.dtype:
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


class _OwnLogProbabilities(torch.autograd.Function):
    """The same with its gradient, softmax minus one-hot, written out: logits and their gradient share their memory."""

    @staticmethod
    def forward(ctx, state, weight, ids, temperature):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(state, weight, ids)
        ctx.temperature = temperature
        found = torch.empty(len(state), dtype=torch.float32, device=state.device)
        table = weight.to(state.dtype)
        for some in _chunks(len(state), len(table)):
            logits = fast_linear(state[some] / temperature, table).float()
            found[some] = logits.gather(1, ids[some, None])[:, 0] - logits.logsumexp(1)
        return found

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        state, weight, ids = ctx.saved_tensors
        needs_state, needs_weight, *_ = ctx.needs_input_grad
        of_state = torch.empty_like(state) if needs_state else None
        of_weight = torch.zeros_like(weight) if needs_weight else None
        table = weight.to(state.dtype)
        for some in _chunks(len(state), len(table)):
            logits = fast_linear(state[some] / ctx.temperature, table).float()
            logits.sub_(logits.logsumexp(1, keepdim=True)).exp_()
            logits[torch.arange(len(logits), device=logits.device), ids[some]] -= 1.0
            each = logits.mul_(-gradient[some, None] / ctx.temperature).to(state.dtype)
            if of_state is not None:
                of_state[some] = fast_linear(each, table.T)
            if of_weight is None:
                continue
            if of_weight.dtype == each.dtype:
                of_weight.addmm_(each.T, state[some])
            else:  # the sum over all rows is in float32
                of_weight += each.T @ state[some]
        return of_state, of_weight, None, None


def _chunks(rows: int, n_vocab: int) -> list[slice]:
    at_a_time = max(16, CHUNK_BYTES // (4 * n_vocab))
    return [slice(start, start + at_a_time) for start in range(0, rows, at_a_time)]
