"""How well a model predicts a text: sliding windows, perplexity, bits per byte."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decoding import LanguageModel, Tokenizer
from trainkit import bits_per_byte
from workbench import check_several

from .spans import TOKENS_PER_BATCH, Span, score_spans


@dataclass(frozen=True)
class TokenScores:
    """Nats of every token but the first, and how many of them each window scored."""

    nats: Float[Tensor, " N"]
    windows: tuple[int, ...]

    @property
    def total(self) -> float:
        """Nats of the whole text, added in float64."""
        return self.nats.double().sum().item()

    @property
    def perplexity(self) -> float:
        """exp of the mean over tokens: each token counts once."""
        return exponential(self.total / len(self.nats))

    @property
    def recipe_perplexity(self) -> float:
        """What the recipe on transformers' page "Perplexity of fixed-length models" prints.

        It weighs the mean of every window after the first by one token less than the window scored, though no token
        was lost: a difference from `perplexity` in the fourth digit or later at the usual strides.
        """
        means = torch.stack([window.double().mean() for window in self.nats.split(self.windows)])
        weights = torch.tensor(self.windows, dtype=torch.float64) - 1
        weights[0] += 1
        return exponential((means * weights).sum().item() / weights.sum().item())

    def bits_per_byte(self, n_bytes: int) -> float:
        """Bits for each of the text's `n_bytes`, in trainkit's arithmetic: comparable across tokenizers."""
        return bits_per_byte(self.total, n_bytes)


@dataclass(frozen=True)
class DocumentScore:
    """A document, scored from its first byte on: the end-of-text token stands before it."""

    nats: float
    n_tokens: int
    n_bytes: int
    token_nats: tuple[float, ...]

    @property
    def perplexity(self) -> float:
        return exponential(self.nats / self.n_tokens)

    @property
    def bits_per_byte(self) -> float:
        return bits_per_byte(self.nats, self.n_bytes)


def perplexity(
    model: LanguageModel,
    tokens: Sequence[int] | Int[Tensor, " N"],
    *,
    stride: int | None = None,
    context: int | None = None,
) -> float:
    """exp of the mean nats of every token but the first. Arguments and errors are those of `score_tokens`."""
    return score_tokens(model, tokens, stride=stride, context=context).perplexity


def score_tokens(
    model: LanguageModel,
    tokens: Sequence[int] | Int[Tensor, " N"],
    *,
    stride: int | None = None,
    context: int | None = None,
    tokens_per_batch: int = TOKENS_PER_BATCH,
) -> TokenScores:
    """Score every token but the first once, each given at least `context` - `stride` + 1 tokens before it, if there
    are so many.

    stride: tokens from one window to the next (default half of n_ctx): smaller gives every token more context, and
        takes longer in proportion.
    context: tokens fed per window (default n_ctx - 1: transformers' recipe takes windows of n_ctx tokens and scores no
        prediction of the last). With `stride` and `context` both n_ctx windows do not overlap: trainkit's measure.
    Raises ValueError for fewer than two tokens, for a stride beyond the context and for ids outside the vocabulary.
    """
    ids = tokens.tolist() if isinstance(tokens, Tensor) else [int(token) for token in tokens]
    if len(ids) < 2:
        raise ValueError(f"wanted at least 2 tokens, the first of which is not scored, got {len(ids)}; give more text")
    spans = window_spans(ids, *window_sizes(model, stride, context))
    scores = score_spans(model, spans, tokens_per_batch=tokens_per_batch)
    return TokenScores(torch.cat([score.nats for score in scores]), tuple(span.scored for span in spans))


def score_documents(
    model: LanguageModel,
    tokenizer: Tokenizer,
    texts: Iterable[str],
    *,
    stride: int | None = None,
    at_a_time: int = 64,
) -> Iterator[DocumentScore]:
    """The score of each text, in order. `at_a_time` texts are read and batched together; long ones are cut into
    windows as in `score_tokens`. Raises ValueError for an empty text, TypeError for a text in place of a list of them.
    """
    check_several(texts, "texts")
    sizes = window_sizes(model, stride, None)
    remaining = iter(enumerate(texts, start=1))
    while group := list(islice(remaining, at_a_time)):
        spans = [window_spans(document_ids(tokenizer, text, number), *sizes) for number, text in group]
        scores = iter(score_spans(model, [span for document in spans for span in document]))
        for (_, text), document in zip(group, spans, strict=True):
            nats = torch.cat([next(scores).nats for _ in document])
            n_bytes = len(text.encode("utf-8"))
            yield DocumentScore(nats.double().sum().item(), len(nats), n_bytes, tuple(nats.tolist()))


def document_ids(tokenizer: Tokenizer, text: str, number: int) -> list[int]:
    """The end-of-text token and the ids of text `number`, from 1; ValueError for an empty one."""
    ids = tokenizer.encode(text)
    if not ids:
        raise ValueError(f"wanted a text to score, got an empty one (document {number}); leave it out")
    return [tokenizer.end_of_text, *ids]


def window_sizes(model: LanguageModel, stride: int | None, context: int | None) -> tuple[int, int]:
    """Stride and context with their defaults; ValueError where windows would leave tokens out."""
    context = max(1, model.n_ctx - 1) if context is None else context
    stride = max(1, min(model.n_ctx // 2, context)) if stride is None else stride
    if not 1 <= context <= model.n_ctx:
        raise ValueError(f"context: wanted 1 to {model.n_ctx} tokens (n_ctx), got {context}; leave it out")
    if not 1 <= stride <= context:
        raise ValueError(
            f"stride: wanted 1 to {context} tokens (the context of a window: more would leave tokens out), "
            f"got {stride}; half of n_ctx ({model.n_ctx // 2}) is usual"
        )
    return stride, context


def window_spans(ids: Sequence[int], stride: int, context: int) -> list[Span]:
    """Windows that begin every `stride` tokens and feed up to `context`; each scores what no earlier one has scored."""
    spans, scored_to = [], 1
    for begin in range(0, len(ids), stride):
        end = min(begin + context + 1, len(ids))
        spans.append(Span(tuple(ids[begin:end]), end - scored_to))
        scored_to = end
        if end == len(ids):
            break
    return spans


def exponential(nats: float) -> float:
    """exp, infinite where a float would overflow."""
    return math.exp(nats) if nats < 709 else math.inf
