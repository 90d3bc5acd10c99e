"""A context and a continuation as one row of ids, cut where every evaluation harness cuts it."""

import re
from collections.abc import Mapping

from decoding import LanguageModel, Tokenizer

from .spans import Span


def special_ids(tokenizer: Tokenizer) -> Mapping[str, int]:
    """The special tokens by name; of a tokenizer that does not list its `special_ids`, the end-of-text token."""
    end = {tokenizer.decode_bytes([tokenizer.end_of_text]).decode("utf-8", errors="replace"): tokenizer.end_of_text}
    found: Mapping[str, int] = getattr(tokenizer, "special_ids", end)
    return found


def encode_with_special(tokenizer: Tokenizer, text: str) -> list[int]:
    """Ids of a text in which the name of a special token stands for that token, as Hugging Face's tokenizers read it:
    `tokenizer.encode` takes the name for ordinary letters, since whoever wrote a text need not mean the token."""
    special = special_ids(tokenizer)
    names = "|".join(re.escape(name) for name in sorted(special, key=len, reverse=True))
    pieces = re.split(f"({names})", text)  # text, name, text, ...
    return [token for piece in pieces for token in ([special[piece]] if piece in special else tokenizer.encode(piece))]


def encode_pair(tokenizer: Tokenizer, context: str, continuation: str) -> tuple[list[int], list[int]]:
    """Ids of both, as lm-eval has it (`TemplateLM._encode_pair`): spaces at the context's end go to the continuation,
    the two are encoded together and cut at the length of the context alone; no context is the end-of-text token, unless
    the continuation begins with it. The name of a special token is that token.

    Raises ValueError where nothing is left to score.
    """
    stripped = context.rstrip()
    continuation = context[len(stripped) :] + continuation
    if not stripped:
        before, after = [tokenizer.end_of_text], encode_with_special(tokenizer, continuation)
        after = after[after[:1] == before :]
    else:
        before = encode_with_special(tokenizer, stripped)
        whole = encode_with_special(tokenizer, stripped + continuation)
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
