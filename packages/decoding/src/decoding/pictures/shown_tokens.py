"""Tokens as one reads them in a table or a picture: nothing that stands for something else without being told."""

import re
from typing import Any

SPACE = "·"
SPACES = f"{SPACE}: a space, {SPACE}x8: eight of them"
BYTE = "\\xe4: the byte e4, a part of a character that takes several tokens"


def shown_token(data: bytes) -> str:
    """The bytes of a token on one line: bytes that are no character by themselves as \\xe4, what does not print as
    Python writes it (\\n, \\u200b), a space as a dot, four or more as ·x4 (so a dot itself as \\u00b7)."""
    text = data.decode("utf-8", errors="backslashreplace").replace(SPACE, "\\u00b7")
    text = re.sub(" {4,}", lambda run: f"{SPACE}x{len(run[0])}", text).replace(" ", SPACE)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shown_tokens(tokenizer: Any, n_vocab: int) -> dict[int, str]:
    """Every id of a vocabulary as `shown_token`, or as its number where there is no tokenizer."""
    if tokenizer is None:
        return {token: str(token) for token in range(n_vocab)}
    known = range(min(n_vocab, tokenizer.n_vocab))
    unused = {token: f"unused id {token}" for token in range(len(known), n_vocab)}  # some vocabularies are rounded up
    return {token: shown_token(tokenizer.decode_bytes([token])) for token in known} | unused


def legend(words: list[str]) -> list[str]:
    """What the signs among these stand for."""
    signs = ((SPACE, SPACES), ("\\x", BYTE))
    return [meaning for sign, meaning in signs if any(sign in word for word in words)]


def drawable(text: str) -> str:
    """What matplotlib's font can draw of a text; other characters as their code (\\u4e16), and not as empty boxes."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties()))
    return "".join(c if font.get_char_index(ord(c)) else c.encode("unicode_escape").decode("ascii") for c in text)
