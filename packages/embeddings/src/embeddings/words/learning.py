"""Skip-gram with negative sampling: words that stand beside the same words come to point the same way."""

from collections import Counter
from collections.abc import Iterator, Sequence
from operator import index

import torch
import torch.nn.functional as F
from torch import Tensor

from .vectors import WordVectors

BATCH = 8192  # pairs of a step
SHARED_NEGATIVES = 64  # words drawn once a step and held against every pair: one matrix product instead of gathers


def skip_gram(
    words: Sequence[str],
    *,
    n_embd: int = 64,
    window: int = 5,
    negatives: int = 5,
    least: int = 20,
    frequent: float = 1e-3,
    epochs: int = 5,
    learning_rate: float = 0.01,
    seed: int = 0,
) -> WordVectors:
    """Learn a vector for every word that occurs `least` times in `words`, a text in reading order; most frequent first.

    A word's vector learns to score the words within a random window of up to `window` above `negatives` random ones
    (Mikolov et al. 2013, "Distributed Representations of Words and Phrases", equation 4, dropping words above the
    share `frequent` of the text as often as there, with its noise distribution). Steps take 8,192 pairs, share their
    random words, weighted to count as `negatives` a pair, and are Adam's. The same words and seed give the same vectors
    on the same machine. ValueError when fewer than two words are left.
    """
    counts = [(word, count) for word, count in Counter(words).most_common() if count >= least]
    if len(counts) < 2 or min(n_embd, window, negatives, epochs) < 1:
        raise ValueError(
            f"wanted at least two words that occur {least} times, and sizes of at least 1, got {len(counts)} of them, "
            f"n_embd={n_embd}, window={window}, negatives={negatives}, epochs={epochs}; pass more text or a lower least"
        )
    shares = {"learning_rate": learning_rate, "frequent": frequent}
    if wrong := [f"{name} {value:.4g}" for name, value in shares.items() if not 0 < value <= 1]:
        raise ValueError(f"wanted numbers above 0 and at most 1, got {', '.join(wrong)}; leave them out")
    if max(n_embd, window, negatives) >= 2**31 or not -(2**63) <= seed < 2**63:
        raise ValueError(
            f"wanted sizes below 2**31 and a seed that 64 bits hold, got n_embd={n_embd}, window={window}, negatives="
            f"{negatives}, seed={seed}; lower them"
        )
    draws = torch.Generator().manual_seed(index(seed))
    rows = {word: row for row, (word, _) in enumerate(counts)}
    text = torch.tensor([rows[word] for word in words if word in rows])
    frequency = torch.tensor([count for _, count in counts], dtype=torch.float32) / len(text)
    inputs = (torch.rand(len(rows), n_embd, generator=draws) - 0.5).div_(n_embd).requires_grad_()
    outputs = torch.zeros(len(rows), n_embd, requires_grad=True)
    optimizer = torch.optim.Adam([inputs, outputs], lr=learning_rate)
    for epoch in range(epochs):
        optimizer.param_groups[0]["lr"] = learning_rate * (1 - epoch / epochs)
        for centers, contexts in pairs(text, (frequent / frequency).sqrt(), window, draws):
            noise = torch.multinomial(frequency**0.75, SHARED_NEGATIVES, replacement=True, generator=draws)
            optimizer.zero_grad()
            looked_up = F.embedding(centers, inputs), F.embedding(contexts, outputs), F.embedding(noise, outputs)
            pair_loss(*looked_up, negatives).backward()  # indexing with [] would be several times slower backwards
            optimizer.step()
    return WordVectors(tuple(rows), inputs.detach())


def pair_loss(centers: Tensor, contexts: Tensor, noise: Tensor, negatives: int) -> Tensor:
    """Mean over pairs [B, C] of -log sigmoid(score), and `negatives` times the mean of -log sigmoid(-score) of the
    centers with all the noise [N, C]."""
    true = F.softplus(-(centers * contexts).sum(dim=-1)).mean()
    return true + negatives * F.softplus(centers @ noise.T).mean()


def pairs(text: Tensor, keep: Tensor, window: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled batches of (center, context) rows of one pass over `text`.

    A word is kept with the probability that `keep` has for its row: "the" would fill every window and say little.
    """
    kept = text[torch.rand(len(text), generator=generator) < keep[text]]
    reach = torch.randint(1, window + 1, (len(kept),), generator=generator)
    both = []
    for distance in range(1, min(window, len(kept) - 1) + 1):
        left, right = kept[:-distance], kept[distance:]
        both.append(torch.stack([left, right])[:, reach[:-distance] >= distance])
        both.append(torch.stack([right, left])[:, reach[distance:] >= distance])
    if both:
        found = torch.cat(both, dim=1)
        shuffled = found[:, torch.randperm(found.shape[1], generator=generator)]
        for batch in shuffled.split(BATCH, dim=1):
            yield batch[0], batch[1]
