"""A sparse autoencoder: the stream at a place as a sum of a few of many directions, each of them a feature.

A neuron or a channel often takes part in many things at once. A dictionary of more directions than there are channels,
of which only `k` are used for each token, pulls them apart (Cunningham et al. 2023, arXiv 2309.08600). This is the
top-k form of Gao et al. 2024, arXiv 2406.04093, section 2.3:

    x [C] ─ minus center ─ encoder ─ the k highest, the rest 0: strengths [F] ─ decoder ─ plus center ─ nearly x
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class SparseAutoencoder:
    """A dictionary of F features for a place of C channels, `k` of which are used for a token."""

    place: str
    k: int
    encoder: Float[Tensor, "F C"]
    encoder_bias: Float[Tensor, " F"]
    decoder: Float[Tensor, "F C"]
    """A direction a feature; of length 1 where it was learned here, so that strengths are lengths in the stream."""
    center: Float[Tensor, " C"]

    @property
    def n_features(self) -> int:
        return len(self.encoder)

    def pre_strengths(self, x: Float[Tensor, "... C"]) -> Float[Tensor, "... F"]:
        """How much of each feature is in `x`, before the k highest are chosen."""
        return (x - self.center) @ self.encoder.T + self.encoder_bias

    def encode(self, x: Float[Tensor, "... C"]) -> tuple[Float[Tensor, "... K"], Int[Tensor, "... K"]]:
        """Strength and number of the k features of each token, the strongest first; no strength is below 0."""
        values, features = self.pre_strengths(x).topk(self.k, dim=-1)
        return values.relu(), features

    def decode(self, values: Float[Tensor, "... K"], features: Int[Tensor, "... K"]) -> Float[Tensor, "... C"]:
        """The features, each times its strength, added up, and the center."""
        return weighted_sum(values, features, self.decoder) + self.center

    def __call__(self, x: Float[Tensor, "... C"]) -> Float[Tensor, "... C"]:
        """`x` as far as its k features say it. As a function of `editing` it makes the model run on just that."""
        return self.decode(*self.encode(x))


def weighted_sum(
    values: Float[Tensor, "... K"], rows: Int[Tensor, "... K"], table: Float[Tensor, "F C"]
) -> Float[Tensor, "... C"]:
    """Rows of a table, each times its value, added up: only those that are used cost anything."""
    flat = (each.reshape(-1, each.shape[-1]) for each in (rows, values))
    bags = torch.nn.functional.embedding_bag(next(flat), table, per_sample_weights=next(flat), mode="sum")
    return bags.reshape(*values.shape[:-1], table.shape[1])
