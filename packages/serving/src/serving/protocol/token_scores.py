"""Tokens with their log-probabilities as clients read them: each as a text, and where it begins in the text of its row.

A token may be half a character. OpenAI shows one as `bytes:\\xe2\\x80`; its offset is that of its character.
"""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..jobs import Likely


@dataclass(frozen=True)
class TokenScore:
    """One token. `value` (nats) is None for the first of a text, which nothing comes before."""

    token: int
    offset: int
    """Characters of the row's text before it."""
    value: float | None
    likeliest: Likely

    def likely(self) -> list[tuple[int, float]]:
        """The likeliest ids and, where it is none of them, this one."""
        pairs = list(self.likeliest)
        if self.value is not None and all(token != self.token for token, _ in pairs):
            pairs.append((self.token, self.value))
        return pairs


def shown_text(tokenizer: Any, token: int) -> str:
    """A token as a text; `bytes:\\xe2\\x80` where its bytes are no whole characters."""
    spelled: bytes = tokenizer.decode_bytes([token])
    try:
        return spelled.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in spelled)


@dataclass
class Tokens:
    """The tokens of one row, held back until their text is out.

    What is told with a stream's pieces is the same, in the same order, as without a stream: a token counts as told when
    its first character is, and one behind a stop string never is.
    """

    tokenizer: Any
    offset: int = 0
    """Characters of the whole characters read so far."""
    told: int = 0
    """Characters of the row's text that are out."""
    held: list[TokenScore] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def read(self, ids: Sequence[int], values: Sequence[float | None], likeliest: Sequence[Likely]) -> None:
        """Take further tokens of the row. `values` and `likeliest` hold one for each."""
        for token, value, likely in zip(ids, values, likeliest, strict=True):
            self.held.append(TokenScore(token, self.offset, value, likely))
            self.offset += len(self.decoder.decode(self.tokenizer.decode_bytes([token])))

    def tell(self, characters: int, *, all_of_it: bool) -> list[TokenScore]:
        """The tokens that go with the next `characters` of text. all_of_it: and whatever is still held."""
        self.told += characters
        out = [one for one in self.held if all_of_it or one.offset < self.told]
        self.held = self.held[len(out) :]
        return out
