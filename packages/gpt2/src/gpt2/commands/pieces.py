"""`gpt2 tokens`: the pieces that a tokenizer cuts a text into, made visible."""

import os
import sys

from workbench import shown_token

from ..tokenizer.tokenizer import Tokenizer

COLORS = (44, 42, 45, 43, 46, 41)
"""ANSI background colors, taken in turn."""


def shown(tokenizer: Tokenizer, text: str) -> str:
    """`colored` in a terminal, unless NO_COLOR is set (no-color.org); `listed` elsewhere, for programs to read."""
    return (colored if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else listed)(tokenizer, text)


def listed(tokenizer: Tokenizer, text: str) -> str:
    """A line a token: id, first byte, byte after the last, piece as a Python literal: of its text, or of its bytes
    where they are no whole characters."""
    ids = tokenizer.encode(text)
    spans = tokenizer.offsets(ids)
    return "\n".join(f"{i}\t{a}\t{b}\t{_literal(tokenizer, i)}" for i, (a, b) in zip(ids, spans, strict=True))


def colored(tokenizer: Tokenizer, text: str) -> str:
    """The text with a background color for each token, and below the ids in the same colors."""
    ids = tokenizer.encode(text)
    pieces = [_painted(shown_token(tokenizer.decode_bytes([i]), " "), number) for number, i in enumerate(ids)]
    numbers = [_painted(str(i), number) for number, i in enumerate(ids)]
    return f"{''.join(pieces)}\n{' '.join(numbers)}\n{len(ids)} tokens, {len(text.encode())} bytes"


def _literal(tokenizer: Tokenizer, i: int) -> str:
    data = tokenizer.decode_bytes([i])
    try:
        return repr(data.decode("utf-8"))
    except UnicodeDecodeError:
        return repr(data)


def _painted(piece: str, number: int) -> str:
    return f"\x1b[{COLORS[number % len(COLORS)]};30m{piece}\x1b[0m"
