"""What a dictionary of features is worth: how much of the model's own loss survives when it runs on features alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from gpt2 import GPT2

from ..trace import editing, tracing
from .autoencoder import SparseAutoencoder


@dataclass(frozen=True)
class FeatureReport:
    """A dictionary on a text that it was not learned from; losses in nats a token."""

    loss: float
    """Of the model as it is."""
    loss_with_features: float
    """When what stands at the place is replaced by its features."""
    loss_without: float
    """When nothing stands there: zeros."""
    active: float
    """Features with a strength above 0, a token."""
    explained: float
    """Share of the variance that the features say."""
    never_used: int
    """Features that no token of the text used."""
    n_features: int
    n_tokens: int

    @property
    def recovered(self) -> float:
        """The share of the loss that the place is worth which the features bring back (1: all)."""
        return (self.loss_without - self.loss_with_features) / (self.loss_without - self.loss)


@torch.no_grad()
def judge_features(model: GPT2, autoencoder: SparseAutoencoder, windows: Sequence[Int[Tensor, "_ T"]]) -> FeatureReport:
    """Run the model on `windows` as it is, on features alone, and on zeros. ValueError for windows without a next token
    to predict."""
    if not any(tokens.shape[1] > 1 for tokens in windows):
        raise ValueError("wanted windows of at least 2 tokens, got none; give a longer text")
    place = autoencoder.place
    losses, count = torch.zeros(3, dtype=torch.float64), 0
    used = torch.zeros(autoencoder.n_features, dtype=torch.long)
    left, total, n_tokens = 0.0, 0.0, 0
    mean = autoencoder.center
    for tokens in windows:
        inputs, targets = tokens[:, :-1], tokens[:, 1:]
        with tracing(model, place) as record:
            plain, n = model.loss(inputs, targets)
        x = record[place].float()
        values, features = autoencoder.encode(x)
        again = autoencoder.decode(values, features)
        used += torch.bincount(features[values > 0], minlength=len(used)).cpu()
        left += float((x - again).square().sum())
        total += float((x - mean).square().sum())
        with editing(model, {place: lambda x, again=again: again}):  # type: ignore[misc]
            on_features, _ = model.loss(inputs, targets)
        with editing(model, {place: torch.zeros_like}):
            without, _ = model.loss(inputs, targets)
        losses += torch.tensor([float(plain), float(on_features), float(without)], dtype=torch.float64)
        count, n_tokens = count + int(n), n_tokens + inputs.numel()
    plain_loss, feature_loss, zero_loss = (losses / count).tolist()
    return FeatureReport(
        plain_loss,
        feature_loss,
        zero_loss,
        float(used.sum()) / n_tokens,
        1 - left / total,
        int((used == 0).sum()),
        autoencoder.n_features,
        n_tokens,
    )
