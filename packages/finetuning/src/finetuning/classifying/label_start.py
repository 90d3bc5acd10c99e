"""A classifier that begins as what counts know: tokens and pairs of them speak for labels before the first step."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from gpt2 import GPT2
from gpt2.training.bigrams import factors
from tensors import gather_rows, pad_rows
from trainkit import evaluating

from .classifier import Classifier
from .evidence import Evidence, evidence
from .label_wiring import Layout, average, balance, cleared, frequencies, look_back, multiply, waves
from .labels import LabeledText

SIZE = 0.1
"""Root mean square of the factors in the table."""
LARGEST = 0.3
"""What the feed-forward layer's inputs reach at most: GELU(x) + GELU(-x) is a square where x is small."""
SAMPLE = 512
"""Texts on which the size of the logits is found."""


def start_from_labels(classifier: Classifier, texts: Sequence[LabeledText], spelled: Sequence[str]) -> None:
    """Make a classifier say of a text what a linear fit of its tokens and pairs of them says: see `evidence`.

    Each pair's weight is a product of two rows: of the table of pairs the largest singular values are kept, as many as
    half the channels have room for. Tables, norms, biases and all that writes to the residual stream are set, so that
    what the model knew before is forgotten; what the start has no use for stays as it was drawn. All of it is learned
    further like any other weight.

    texts: those to learn from. spelled: the text of each id; those of ids that no tokenizer has are empty. ValueError
    for a shape without room, and for texts of one label.
    """
    body, n_labels = classifier.body, len(classifier.labels)
    check_shape(body, n_labels)
    known = evidence(texts, n_labels, [*spelled, *[""] * (body.n_vocab - len(spelled))])
    layout = Layout(known.tokens.shape[1], room(body, n_labels), waves(body))
    parts = [factors(table, layout.rank) for table in known.pairs]
    layout = replace(layout, rank=parts[0][0].shape[1])
    first, second = (torch.cat([part[n] for part in parts], 1) for n in (0, 1))
    with torch.no_grad(), evaluating(classifier):
        cleared(body)
        factor_size = SIZE / float(torch.cat([first, second]).square().mean().sqrt().clamp(min=1e-9))
        own = (first * second).unflatten(1, (layout.tables, layout.rank)).sum(2)
        values = [known.tokens.flatten(), *(table.values() for table in known.pairs)]
        spread = max(float(part.square().mean().sqrt()) for part in values if len(part))
        evidence_size = 4 * SIZE / max(spread, 1e-9)
        table, positions = body.token_embedding.weight, body.position_embedding.weight
        table[:, layout.first], table[:, layout.second] = first * factor_size, second * factor_size
        table[:, layout.evidence] = (known.tokens - own) * evidence_size
        squares = balance(table, layout.balance(of_positions=False))
        angles = torch.arange(len(positions))[:, None] * frequencies(layout.waves)
        wave_size = float(table.square().mean().sqrt())
        positions[:, layout.position] = torch.cat([angles.cos(), angles.sin()], 1) * wave_size
        positions[0, layout.evidence] = known.base * evidence_size
        squares += balance(positions, layout.balance(of_positions=True))
        unit = math.sqrt(body.config.n_embd / squares)  # what a norm multiplies a row by
        look_back(body, layout, unit, wave_size)
        largest = unit * factor_size * float(torch.stack([first, second]).abs().max())
        multiply(body, layout, LARGEST / max(largest, 1e-9), evidence_size / (unit * factor_size) ** 2)
        average(body, layout, unit)
        classifier.score.weight.zero_()
        classifier.score.weight[:, layout.mean] = torch.eye(n_labels) if n_labels > 2 else torch.tensor([[-1.0], [1.0]])
        classifier.score.weight *= logit_size(classifier, layout, known, texts)


def check_shape(body: GPT2, n_labels: int) -> None:
    """ValueError for a model that has no room for a start from labels."""
    config = body.config
    if config.n_layer < 2:
        raise ValueError(f"--label-start: wanted a model of at least two layers, got {config.n_layer}; make it deeper")
    if room(body, n_labels) < 1 or tables_of(n_labels) > config.n_embd // config.n_head or waves(body) < 2:
        raise ValueError(
            f"--label-start: wanted more channels for {n_labels} labels, got {config.n_embd} in {config.n_head} heads; "
            f"make the model wider, or leave --label-start out"
        )


def tables_of(n_labels: int) -> int:
    """Tables of evidence for so many labels."""
    return 1 if n_labels == 2 else n_labels


def room(body: GPT2, n_labels: int) -> int:
    """Singular values for which there are channels, a table of pairs."""
    tables = tables_of(n_labels)
    return (body.config.n_embd - 2 * tables - 2 * waves(body) - 4) // (2 * tables)


def logit_size(classifier: Classifier, layout: Layout, known: Evidence, texts: Sequence[LabeledText]) -> float:
    """What makes of mean evidence logits that say about the shares: n labels, each near 1 / n, change n times as fast
    in their logarithm."""
    sample = texts[:SAMPLE]
    wanted = torch.stack([known.value(text.ids) for text in sample])
    tokens, lengths = pad_rows([torch.tensor(text.ids) for text in sample])
    found = gather_rows(classifier.body.hidden(tokens, lengths=lengths), lengths - 1)[:, layout.mean]
    return len(classifier.labels) * float((found * wanted).sum() / found.square().sum().clamp(min=1e-9))
