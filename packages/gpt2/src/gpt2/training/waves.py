"""A position table that begins with an order in it: near positions alike, equal distances alike everywhere."""

import math

import torch
from torch import nn

from embeddings import sinusoidal_positions

from ..model import GPT2

SIZE = 0.1
"""Root mean square of the table: five times that of drawn embeddings. Half or twice as much learned less."""
LONGEST = 10
"""Contexts in the longest wavelength."""


def start_from_sinusoids(model: GPT2) -> None:
    """Write the sinusoids of Vaswani et al. (2017, section 3.5) into the position table; it is learned like any other.

    Drawn vectors know nothing of each other: that a head is to look one token back has to be learned for each position
    by itself. Of sinusoids one matrix turns each position into the one before it, so that what is learned anywhere
    holds everywhere. ValueError for a width that is odd.
    """
    table = model.position_embedding.weight
    assert isinstance(table, nn.Parameter)
    n_ctx, n_embd = table.shape
    if n_embd % 2:
        raise ValueError(
            f"--sinusoid-start: wanted an even width, for a sine and a cosine of each length, got {n_embd}; give "
            "another --n-embd, or say --sinusoid-start False"
        )
    base = max(2.0, LONGEST * n_ctx / (2 * math.pi))
    with torch.no_grad():
        table.copy_(sinusoidal_positions(torch.arange(n_ctx), n_embd, base=base) * SIZE * math.sqrt(2))
