"""Tokens as one reads them in a table or a picture: nothing that stands for something else without being told."""

import re
from importlib import import_module

SPACE = "·"
SPACES = f"{SPACE}: a space, {SPACE}x8: eight of them"
BYTE = "\\xe4: the byte e4, a part of a character that takes several tokens"


def shown_token(token: bytes | str, space: str = SPACE) -> str:
    """A token on one line: bytes that are no character by themselves as \\xe4, what does not print as Python writes it
    (\\n, \\u200b), a space as a dot, four or more as ·x4 (so a dot itself as \\u00b7).

    space: another sign for a space; then each of them is written, so that what is shown can be typed. " " keeps them.
    """
    text = token.decode("utf-8", errors="backslashreplace") if isinstance(token, bytes) else token
    if space != " ":
        text = text.replace(space, f"\\u{ord(space):04x}")
    if space == SPACE:
        text = re.sub(" {4,}", lambda run: f"{SPACE}x{len(run[0])}", text)
    return "".join(c if c.isprintable() else _escaped(c) for c in text).replace(" ", space)


def legend(words: list[str]) -> list[str]:
    """What the signs among these, as `shown_token` gives them, stand for."""
    signs = ((SPACE, SPACES), ("\\x", BYTE))
    return [meaning for sign, meaning in signs if any(sign in word for word in words)]


def drawable(text: str) -> str:
    """A text for matplotlib: what its font lacks and what does not print as its code (\\u4e16, \\x00), not as an empty
    box with a warning; and a `$` is written so that it starts no formula."""
    fonts = import_module("matplotlib.font_manager")  # brought by whoever draws, and not by this package
    font = fonts.get_font(fonts.findfont(fonts.FontProperties()))
    seen = (c if c.isprintable() and font.get_char_index(ord(c)) else _escaped(c) for c in text)
    return "".join(seen).replace("$", r"\$")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
