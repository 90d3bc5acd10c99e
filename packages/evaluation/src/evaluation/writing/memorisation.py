"""Did the model write this, or copy it? The longest span of a text that stands word for word in the training text.

Whether a span of a given length was copied is one look-up of rolling hashes (Karp and Rabin 1987), all positions at
once; what was copied at one length was copied at every smaller one, so bisection finds the longest. Each hit is
compared character by character: no hash is believed.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from tensors import generator

BASE = 6_364_136_223_846_793_005
"""An odd number: modulo 2**64 it has an inverse, so hashes of windows at different places compare."""


@dataclass(frozen=True)
class CopiedSpan:
    """Where the span stands: `text[start : start + length]` is `training[training_start : training_start + length]`."""

    length: int
    start: int
    training_start: int
    text: str


@dataclass(frozen=True)
class Hashes:
    """A string's code points, and what the hash of any window of it is made from."""

    text: str
    sums: Int[Tensor, " P"]
    inverses: Int[Tensor, " P"]

    def windows(self, length: int) -> Int[Tensor, " W"]:
        """The hash of every window of `length` characters."""
        return (self.sums[length:] - self.sums[:-length]) * self.inverses[: len(self.sums) - length]


def longest_copied_span(text: str, training: str) -> CopiedSpan:
    """The longest run of characters of `text` that stands in `training`, the first of equals in `text`.

    Time about (training + text) x log(text) in characters, memory about 30 bytes a character. ValueError if either is
    empty.
    """
    if not text or not training:
        raise ValueError(
            f"wanted a text and the training text, got {len(text)} and {len(training)} characters; give both"
        )
    ours, theirs = hashes(text), hashes(training)
    low, best = 0, CopiedSpan(0, 0, 0, "")
    high = min(len(text), len(training))
    while low < high:
        middle = (low + high + 1) // 2
        found = _copied(ours, theirs, middle)
        if found is None:
            high = middle - 1
        else:
            low, best = middle, found
    return best


def hashes(text: str) -> Hashes:
    """Sums of code point x BASE**place modulo 2**64 over every beginning of the text."""
    points = torch.frombuffer(bytearray(text.encode("utf-32-le", "surrogatepass")), dtype=torch.int32).long()
    salt = torch.randint(-(2**62), 2**62, (1,), generator=generator("memorisation")) | 1
    sums = torch.zeros(len(points) + 1, dtype=torch.int64)
    torch.cumsum((points + 1) * salt * _powers(BASE, len(points)), 0, out=sums[1:])
    return Hashes(text, sums, _powers(pow(BASE, -1, 2**64), len(points) + 1))


def _powers(base: int, count: int) -> Int[Tensor, " N"]:
    """base**0, base**1, ... modulo 2**64, by doubling: the second half is the first times base**half."""
    powers = torch.ones(1, dtype=torch.int64)
    while len(powers) < count:
        step = pow(base, len(powers), 2**64)
        powers = torch.cat([powers, powers * (step - 2**64 if step >= 2**63 else step)])
    return powers[:count]


def _copied(ours: Hashes, theirs: Hashes, length: int) -> CopiedSpan | None:
    windows = ours.windows(length)
    known, places = theirs.windows(length).sort()
    found = torch.searchsorted(known, windows).clamp(max=len(known) - 1)
    for start in (known[found] == windows).nonzero()[:, 0].tolist():
        piece = ours.text[start : start + length]
        place = int(found[start])
        while place < len(known) and known[place] == windows[start]:
            training_start = int(places[place])
            if theirs.text.startswith(piece, training_start):
                return CopiedSpan(length, start, training_start, piece)
            place += 1
    return None
