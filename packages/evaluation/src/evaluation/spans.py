"""The log-probability of the end of a row given its beginning: what every score is made of.

A sliding window, the last word of a passage, one of four answers: each is a `Span`. Spans of like length go through the
model together, and those that share a beginning (the answers of one question) have it computed once, in a cache.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from decoding import LanguageModel
from tensors import PackedWeights, fast_products, keep_freed_memory, onednn_is_faster, pad_rows
from trainkit import evaluating

from .head_scores import score_head, score_logits, score_states

TOKENS_PER_BATCH = 2048
"""Tokens, padding included, in one model call. More gains no speed, and an activation of 32 MB (2,731 tokens in GPT-2
124M's feed-forward layer) is given back to the system after every use: an eighth of the time goes to page faults."""
WORTH_PACKING = 16
"""Calls of the model from which packing its weights first pays where oneDNN multiplies: a twentieth of each is saved,
and packing takes a tenth of one, and as much memory again as the weights."""
SHORTEST_SHARED = 8
"""A beginning of fewer tokens is computed again for every span: cheaper than a cache."""


@dataclass(frozen=True)
class Span:
    """A row of ids, of which the last `scored` are to be scored, each given all before it in the row."""

    ids: tuple[int, ...]
    scored: int

    @property
    def beginning(self) -> tuple[int, ...]:
        return self.ids[: len(self.ids) - self.scored]


@dataclass(frozen=True)
class SpanScore:
    """Of every scored id its -log probability in nats, and whether the model held it for the likeliest."""

    nats: Float[Tensor, " N"]
    likeliest: Bool[Tensor, " N"]

    @property
    def total(self) -> float:
        """Nats of all scored ids together, added in float64."""
        return self.nats.double().sum().item()


@runtime_checkable
class TiedModel(Protocol):
    """A model that shows its final states: its logits are `token_embedding.logits(hidden(tokens))`, as GPT-2's."""

    token_embedding: Any

    def hidden(self, tokens: Tensor, cache: Any = None, lengths: Tensor | None = None) -> Tensor:
        """The final state of every token, [B, T, C]."""


def score_spans(
    model: LanguageModel, spans: Sequence[Span], *, tokens_per_batch: int = TOKENS_PER_BATCH
) -> list[SpanScore]:
    """The scores of all spans, in their order. Raises ValueError for ids outside the vocabulary, for a span without a
    beginning or longer than the context allows (n_ctx + 1 ids), and for logits that are not a number."""
    for number, span in enumerate(spans):
        _check(span, number, model)
    device = model.new_cache(1, 1).lengths.device
    scores: dict[int, SpanScore] = {}
    keep_freed_memory()
    work = list(batches(spans, tokens_per_batch, model.n_ctx))
    packs = len(work) >= WORTH_PACKING and onednn_is_faster()
    without_training = evaluating(model) if isinstance(model, nn.Module) else torch.inference_mode()
    with without_training, PackedWeights() if packs else fast_products():
        for numbers, shared in work:
            results = _score_batch(model, [spans[number] for number in numbers], shared, device)
            scores.update(zip(numbers, results, strict=True))
    return [scores[number] for number in range(len(spans))]


def batches(spans: Sequence[Span], tokens_per_batch: int, n_ctx: int) -> Iterator[tuple[list[int], bool]]:
    """Numbers of spans that go together, longest first, and whether their beginnings are computed apart, each once.

    A row is as wide as the longest beginning and the longest end together; with a cache no row may pass `n_ctx`.
    """
    order = sorted(range(len(spans)), key=lambda n: (len(spans[n].beginning), spans[n].beginning), reverse=True)
    shared: list[int] = []
    lonely: list[int] = []
    for beginning, members in groupby(order, key=lambda n: spans[n].beginning):
        family = list(members)
        (shared if len(family) > 1 and len(beginning) >= SHORTEST_SHARED else lonely).extend(family)
    lonely.sort(key=lambda n: len(spans[n].ids), reverse=True)
    yield from ((batch, True) for batch in _cut(shared, spans, tokens_per_batch, n_ctx))
    yield from ((batch, False) for batch in _cut(lonely, spans, tokens_per_batch, None))


def _cut(numbers: list[int], spans: Sequence[Span], budget: int, n_ctx: int | None) -> Iterator[list[int]]:
    batch: list[int] = []
    first = last = 0
    for number in numbers:
        span = spans[number]
        before, after = (len(span.ids) - 1, 0) if n_ctx is None else (len(span.beginning) - 1, span.scored)
        first, last = max(first, before), max(last, after)
        too_wide = n_ctx is not None and first + last > n_ctx
        if batch and (too_wide or (first + last) * (len(batch) + 1) > budget):
            yield batch
            batch, first, last = [], before, after
        batch.append(number)
    if batch:
        yield batch


def _score_batch(
    model: LanguageModel, spans: Sequence[Span], shared: bool, device: torch.device
) -> Iterator[SpanScore]:
    if shared:
        cache, starts = _beginnings(model, spans, device), [len(span.beginning) - 1 for span in spans]
    else:
        cache, starts = None, [0] * len(spans)
    fed = [torch.tensor(span.ids[start:-1], device=device) for span, start in zip(spans, starts, strict=True)]
    wanted = [torch.tensor(span.ids[start + 1 :], device=device) for span, start in zip(spans, starts, strict=True)]
    for row, span in zip(wanted, spans, strict=True):
        row[: len(row) - span.scored] = -1
    tokens, lengths = pad_rows(fed)
    targets, _ = pad_rows(wanted, value=-1)
    nats, likeliest = (part.cpu() for part in _score(model, tokens, targets, cache, lengths))
    if nats.isnan().any():
        raise ValueError(
            f"wanted logits that are numbers, got NaN for {int(nats.isnan().sum())} of {len(nats)} tokens; "
            "check the weights, or score in float32"
        )
    counts = [span.scored for span in spans]
    pairs = zip(nats.split(counts), likeliest.split(counts), strict=True)
    return (SpanScore(*pair) for pair in pairs)


def _beginnings(model: LanguageModel, spans: Sequence[Span], device: torch.device) -> Any:
    """A cache with one row per span that holds its beginning but for the last token; equal ones are computed once."""
    distinct = list(dict.fromkeys(span.beginning[:-1] for span in spans))
    room = max(len(ids) for ids in distinct) + max(span.scored for span in spans)
    cache = model.new_cache(len(distinct), room)
    tokens, lengths = pad_rows([torch.tensor(ids, device=device) for ids in distinct])
    model(tokens, cache=cache, lengths=lengths, last_only=True)
    place = {ids: row for row, ids in enumerate(distinct)}
    cache.select(torch.tensor([place[span.beginning[:-1]] for span in spans], device=device))
    return cache


def _score(
    model: LanguageModel, tokens: Int[Tensor, "B T"], targets: Int[Tensor, "B T"], cache: Any, lengths: Tensor
) -> tuple[Float[Tensor, " N"], Bool[Tensor, " N"]]:
    """Scores where `targets` is not negative, row after row; the head is applied there only, where the model allows."""
    rows, columns = (targets >= 0).nonzero(as_tuple=True)
    wanted = targets[rows, columns]
    if isinstance(model, TiedModel):
        state, table = model.hidden(tokens, cache, lengths)[rows, columns], model.token_embedding
        if table.weight.dtype == state.dtype:
            return score_head(state, table.weight, wanted)
        return score_states(state, table.logits, wanted)  # weights of another form have a product of their own
    return score_logits(model(tokens, cache=cache, lengths=lengths)[rows, columns], wanted)


def _check(span: Span, number: int, model: LanguageModel) -> None:
    if not 1 <= span.scored < len(span.ids) <= model.n_ctx + 1:
        raise ValueError(
            f"wanted spans of at most {model.n_ctx + 1} ids (n_ctx and the one that is only scored), with at least one "
            f"before those that are scored, got {len(span.ids)} ids of which {span.scored} are scored in span "
            f"{number}; cut the beginning, or start from the end-of-text token"
        )
    strangers = [token for token in span.ids if not 0 <= token < model.n_vocab]
    if strangers:
        raise ValueError(
            f"wanted ids from 0 to {model.n_vocab - 1} (the model's vocabulary), got {strangers[0]} in span {number}; "
            "encode with the tokenizer that belongs to the model"
        )
