"""Classifier-free guidance: away from what the model would write without the prompt, or with a negative one."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..requests.checks import check_prompt


class GuidedModel(nn.Module):
    """A `LanguageModel` whose log-probabilities are u + scale * (c - u): c those of `model`, u those of `model` with
    `negative` for a prompt (default: the prompt's last token, as in transformers).

    scale 1 is the model itself; above 1 (1.5 is usual) the prompt weighs more (Sanchez et al. 2023, "Stay on topic with
    Classifier-Free Guidance", arXiv 2306.17806). It works with every method, at twice the cost. The first call with a
    new cache must bring the whole prompt, so rows cannot enter later or forget their oldest half.
    """

    def __init__(self, model: Any, scale: float = 1.5, negative: Sequence[int] | None = None) -> None:
        super().__init__()
        if negative is not None:
            check_prompt(negative, "the negative prompt", model)
        self.model, self.scale, self.negative = model, scale, negative

    @property
    def n_ctx(self) -> int:
        return self.model.n_ctx

    @property
    def n_vocab(self) -> int:
        return self.model.n_vocab

    @property
    def end_ids(self) -> Sequence[int] | None:
        """Which ids end a text, as the model says itself."""
        return getattr(self.model, "end_ids", None)

    def new_cache(self, batch: int, length: int) -> "GuidedCache":
        more = len(self.negative or ())
        return GuidedCache(
            self.model.new_cache(batch, length), self.model.new_cache(batch, min(self.n_ctx, length + more))
        )

    def forward(
        self,
        tokens: Int[Tensor, "B T"],
        cache: Any = None,
        lengths: Int[Tensor, " B"] | None = None,
        last_only: bool = False,
    ) -> Float[Tensor, "..."]:
        cache = self.new_cache(len(tokens), tokens.shape[1]) if cache is None else cache
        first = bool((cache.lengths == 0).all())
        with_prompt = self.model(tokens, cache=cache.own, lengths=lengths, last_only=last_only)
        without = self._without(tokens, lengths) if first else tokens
        other = self.model(without, cache=cache.other, lengths=None if first else lengths, last_only=first or last_only)
        if first and not last_only:
            other = other[:, None]
        c, u = with_prompt.float().log_softmax(dim=-1), other.float().log_softmax(dim=-1)
        return u + self.scale * (c - u)

    def _without(self, tokens: Tensor, lengths: Tensor | None) -> Int[Tensor, "B N"]:
        """What stands in for the prompt."""
        if self.negative is not None:
            return torch.tensor([self.negative] * len(tokens), device=tokens.device)
        last = torch.full_like(tokens[:, 0], tokens.shape[1]) if lengths is None else lengths
        return tokens.gather(1, last[:, None] - 1)


class GuidedCache:
    """Two caches that go the same way."""

    def __init__(self, own: Any, other: Any) -> None:
        self.own, self.other = own, other

    @property
    def lengths(self) -> Int[Tensor, " B"]:
        return self.own.lengths

    def select(self, rows: Int[Tensor, " R"]) -> None:
        self.own.select(rows)
        self.other.select(rows)

    def cut(self, lengths: Int[Tensor, " B"]) -> None:
        """ValueError where a whole row is taken back: its prompt could not be told from its continuation."""
        if bool((lengths == 0).any()):
            raise ValueError(
                "wanted rows that stay, got one to be emptied; with guidance decode all prompts at once, and stop at "
                "the context"
            )
        self.other.cut(self.other.lengths - (self.own.lengths - lengths))
        self.own.cut(lengths)
