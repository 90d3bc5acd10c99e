"""How a sparse autoencoder is learned from what stands at a place while the model reads a text.

Losses, starting point and the revival of dead features are those of Gao et al. 2024, arXiv 2406.04093, section 2 and
appendices A and B: a feature that no token used for a while gets its own loss, to say what the living ones leave
unsaid. That loss has no gradient for a feature below 0 at every token, so one that stays dead is put anew on what a
badly said token leaves unsaid (Bricken et al. 2023, "Towards Monosemanticity", neuron resampling).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gpt2 import GPT2
from trainkit import adamw

from ..places import chosen_places
from ..trace import tracing
from .autoencoder import SparseAutoencoder, weighted_sum

RATE = 2e-3
WARMUP = 0.05
"""Share of the steps over which the rate rises; over the last fifth it falls to 0."""
REVIVED = 1 / 32
"""Weight of the loss of dead features."""
DEAD_AFTER = 20
"""Steps without any use after which a feature counts as dead."""
PUT_ANEW_AFTER = 50
"""Steps without any use after which it is put anew; not in the last fifth, in which the rate falls."""


@dataclass(frozen=True)
class FeatureStep:
    """How far the training is."""

    number: int
    unexplained: float
    """Share of the variance that the features leave unsaid."""
    dead: int
    """Features that no token used of late."""
    autoencoder: Callable[[], SparseAutoencoder]
    """As it is now, in the units of the place."""


def train_features(
    model: GPT2,
    place: str,
    windows: Sequence[Int[Tensor, "_ T"]],
    *,
    n_features: int | None = None,
    k: int = 32,
    steps: int = 400,
    rate: float = RATE,
    seed: int = 0,
) -> Iterator[FeatureStep]:
    """Learn a dictionary for what stands at `place`, from `windows` in turn, one yield a step; the last is the result.

    n_features: directions (default: 8 for each channel). k: of them, used for a token. The model stays as it is.
    ValueError for a place that holds no [B, T, C], for several, and for a k that is no count of the features.
    """
    batches = _Activations(model, place, windows)
    first = batches[0]
    width = first.shape[-1]
    n_features = 8 * width if n_features is None else n_features
    if not 1 <= k <= n_features:
        raise ValueError(f"k: wanted 1..{n_features}, the number of features, got {k}; leave it out for 32")
    center = first.mean(dim=0)
    scale = width**0.5 / float((first - center).square().sum(dim=-1).mean().sqrt().clamp_min(1e-9))
    dictionary = _Dictionary(first, center, scale, n_features, k, seed)
    return _steps(dictionary, batches, steps, rate)


class _Activations:
    """What stands at a place for each batch of windows, [B T, C], one batch at a time."""

    def __init__(self, model: GPT2, place: str, windows: Sequence[Tensor]) -> None:
        places = chosen_places(model, place)
        if len(places) != 1 or places == ["logits"]:
            what = "the logits" if places == ["logits"] else f"{len(places)} by {place!r}"
            raise ValueError(f"place: wanted one inside the model, got {what}; name one, such as 0.resid_post")
        if not windows:
            raise ValueError("wanted windows to learn features from, got none; give a longer text")
        self.model, self.place, self.windows = model, places[0], windows

    @torch.no_grad()
    def __getitem__(self, number: int) -> Float[Tensor, "N C"]:
        tokens = self.windows[number % len(self.windows)]
        with tracing(self.model, self.place) as record:
            self.model(tokens)
        found = record[self.place]
        if found.ndim != 3:
            raise ValueError(
                f"{self.place}: wanted a place with one vector a token, [B, T, C], got shape {list(found.shape)}; take "
                f"the stream, such as 0.resid_post, or 0.feed_forward.hidden"
            )
        return found.flatten(0, 1).float()


class _Dictionary(nn.Module):
    """The autoencoder in training, for inputs of mean square 1 a channel."""

    def __init__(self, first: Tensor, center: Tensor, scale: float, n_features: int, k: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        directions = torch.randn(n_features, first.shape[-1], generator=generator).to(first.device)
        self.decoder = nn.Parameter(nn.functional.normalize(directions, dim=-1))
        self.encoder = nn.Parameter(self.decoder.detach().clone())  # so that fewer features die
        self.bias = nn.Parameter(torch.zeros(n_features, device=first.device))
        self.center = nn.Parameter(center * scale)
        self.scale, self.k, self.unused = scale, k, torch.zeros(n_features, dtype=torch.long, device=first.device)
        self.left = torch.zeros_like(first)  # of the last batch, what no feature said
        self.generator = generator

    def losses(self, x: Float[Tensor, "N C"]) -> tuple[Tensor, Tensor]:
        """The share of the variance left unsaid, and of what is left the share that the dead features fail to say."""
        x = x * self.scale
        pre = (x - self.center) @ self.encoder.T + self.bias
        values, used = pre.topk(self.k, dim=-1)
        left = x - weighted_sum(values.relu(), used, self.decoder) - self.center
        self.unused += 1
        self.unused[used[values > 0]] = 0
        self.left = left.detach()
        total = (x - x.mean(dim=0)).square().mean().clamp_min(1e-12)
        unexplained = left.square().mean() / total
        dead = self.unused >= DEAD_AFTER
        n_dead = int(dead.sum())
        if not n_dead:
            return unexplained, torch.zeros_like(unexplained)
        again, revived = pre.masked_fill(~dead, -torch.inf).topk(min(n_dead, max(self.k, x.shape[-1] // 2)), dim=-1)
        missed = self.left - weighted_sum(again.relu(), revived, self.decoder)
        share = missed.square().mean() / (self.left - self.left.mean(dim=0)).square().mean().clamp_min(1e-12)
        return unexplained, share.nan_to_num(0.0)

    @torch.no_grad()
    def straighten(self) -> None:
        """Before a step: no gradient along the directions, whose length stays 1."""
        along = (self.decoder.grad * self.decoder).sum(dim=-1, keepdim=True)  # type: ignore[operator]
        self.decoder.grad -= along * self.decoder  # type: ignore[operator]

    @torch.no_grad()
    def normalize(self) -> None:
        self.decoder.copy_(nn.functional.normalize(self.decoder, dim=-1))

    @torch.no_grad()
    def put_anew(self, optimizer: torch.optim.Optimizer) -> None:
        """Features that stay dead point at what was left of as many tokens, drawn the likelier the more was left."""
        dead = (self.unused >= PUT_ANEW_AFTER).nonzero()[:, 0]
        chances = self.left.square().sum(dim=-1).double().cpu()
        if not len(dead) or not chances.sum() > 0:
            return
        tokens = chances.multinomial(len(dead), replacement=True, generator=self.generator)
        directions = nn.functional.normalize(self.left[tokens.to(self.left.device)], dim=-1)
        for parameter, value in ((self.decoder, directions), (self.encoder, directions), (self.bias, 0.0)):
            parameter[dead] = value
            for moment in optimizer.state[parameter].values():
                if moment.shape == parameter.shape:
                    moment[dead] = 0.0
        self.unused[dead] = 0

    @torch.no_grad()
    def finished(self, place: str) -> SparseAutoencoder:
        """In the units of the place: the scale goes into bias and center."""
        parts = (self.encoder, self.bias / self.scale, self.decoder, self.center / self.scale)
        return SparseAutoencoder(place, self.k, *(part.detach().clone() for part in parts))


def _steps(dictionary: _Dictionary, batches: _Activations, steps: int, rate: float) -> Iterator[FeatureStep]:
    optimizer = adamw(dictionary, rate, weight_decay=0.0, betas=(0.9, 0.99))
    for number in range(steps):
        for group in optimizer.param_groups:
            rising = (number + 1) / max(1.0, WARMUP * steps)
            group["lr"] = rate * min(1.0, rising, (steps - number) / (0.2 * steps))
        unexplained, missed = dictionary.losses(batches[number])
        (unexplained + REVIVED * missed).backward()
        dictionary.straighten()
        nn.utils.clip_grad_norm_(dictionary.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        dictionary.normalize()
        if number < 0.8 * steps:
            dictionary.put_anew(optimizer)
        dead = int((dictionary.unused >= DEAD_AFTER).sum())
        yield FeatureStep(number + 1, float(unexplained.detach()), dead, lambda: dictionary.finished(batches.place))
