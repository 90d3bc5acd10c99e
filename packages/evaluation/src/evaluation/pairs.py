"""A context and a continuation as one row of ids, cut where every evaluation harness cuts it."""

from decoding import LanguageModel, Tokenizer

from .spans import Span


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
    """The span that scores `after`; a beginning that does not fit the context is cut from the left.

    Raises ValueError where `after` leaves no room for any of `before`.
    """
    room = model.n_ctx + 1
    if len(after) >= room:
        raise ValueError(
            f"wanted a continuation of at most {model.n_ctx} tokens (the model's n_ctx), got {len(after)}; shorten it"
        )
    return Span(tuple([*before, *after][-room:]), len(after))
