"""A context and a continuation as one row of ids, cut where every evaluation harness cuts it."""

import logging

from .protocols import LanguageModel, Tokenizer
from .spans import Span

logger = logging.getLogger(__name__)


def encode_pair(tokenizer: Tokenizer, context: str, continuation: str) -> tuple[list[int], list[int]]:
    """Ids of both, as lm-eval has it (`TemplateLM._encode_pair`): spaces at the context's end go to the continuation,
    the two are encoded together and cut at the length of the context alone; no context is the end-of-text token.

    Raises ValueError where nothing is left to score.
    """
    stripped = context.rstrip()
    continuation = context[len(stripped) :] + continuation
    if not stripped:
        before, after = [tokenizer.end_of_text], tokenizer.encode(continuation)
    else:
        before, whole = tokenizer.encode(stripped), tokenizer.encode(stripped + continuation)
        after = whole[len(before) :]
    if not after:
        raise ValueError(
            f"wanted a continuation with tokens of its own, got {continuation!r} after {context[-40:]!r}; "
            "give it at least one word"
        )
    return before, after


def fit_span(model: LanguageModel, before: list[int], after: list[int]) -> Span:
    """The span that scores `after`; a beginning that does not fit the context is cut from the left, with a warning.

    Raises ValueError where `after` leaves no room for any of `before`.
    """
    room = model.n_ctx + 1
    if len(after) >= room:
        raise ValueError(
            f"wanted a continuation of at most {model.n_ctx} tokens (the model's n_ctx), got {len(after)}; shorten it"
        )
    ids = [*before, *after]
    if len(ids) > room:
        logger.warning("the first %d of %d tokens are left out: n_ctx is %d", len(ids) - room, len(ids), model.n_ctx)
    return Span(tuple(ids[-room:]), len(after))


def pair_span(model: LanguageModel, tokenizer: Tokenizer, context: str, continuation: str) -> Span:
    """Both in one: the span that scores a continuation given its context."""
    return fit_span(model, *encode_pair(tokenizer, context, continuation))
