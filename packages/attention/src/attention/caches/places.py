"""A cache whose rows come and go each by itself: a row keeps its place, and none is moved for another."""

from collections.abc import Sequence
from copy import copy

import torch

from .cache import KeyValueCache


class CachePlaces:
    """The rows of a `KeyValueCache` as places that are taken and given back without a copy (the whole rows of what
    Kwon et al. 2023, "Efficient Memory Management for Large Language Model Serving with PagedAttention", cut into
    pages).

    A model call goes over neighboring places through `part`, and `took` then says how many tokens each of them has
    taken in. What stands behind a place's `held` tokens is hidden and written over.
    """

    def __init__(self, cache: KeyValueCache) -> None:
        if type(cache) is not KeyValueCache:
            raise TypeError(
                f"wanted a KeyValueCache, got a {type(cache).__name__}; only rows that forget nothing can be cut apart"
            )
        self.cache = cache
        self.held = [0] * cache.n_rows
        """Tokens in each place."""
        self._parts: dict[tuple[int, int], KeyValueCache] = {}

    def __len__(self) -> int:
        return len(self.held)

    @torch.inference_mode(False)
    def part(self, first: int, count: int) -> KeyValueCache:
        """Places `first` to `first + count - 1` as a cache for one model call, in the same memory. Its rows must not be
        selected, and it must not grow. ValueError for places that are not there."""
        if not (first >= 0 and 1 <= count <= len(self) - first):
            raise ValueError(
                f"wanted places from 0 to {len(self) - 1}, got {count} from {first} on; name neighbors that are there"
            )
        part = self._parts.get((first, count))
        if part is None:
            part = self._parts[first, count] = copy(self.cache)
            for name in ("keys", "values", "key_scales", "value_scales"):
                setattr(part, name, [stored[first : first + count] for stored in getattr(self.cache, name)])
        held = self.held[first : first + count]
        part._set(torch.tensor(held, device=self.cache.lengths.device), min(held), max(held))
        return part

    def took(self, first: int, counts: Sequence[int]) -> None:
        """So many more tokens are held by the places from `first` on; those that a call brought beyond are not."""
        for place, count in enumerate(counts, start=first):
            self.held[place] += count

    def cut(self, place: int, tokens: int) -> None:
        """Forget all but the first so many tokens of a place. ValueError for more than it holds."""
        if not 0 <= tokens <= self.held[place]:
            raise ValueError(
                f"wanted 0 to the {self.held[place]} tokens that place {place} holds, got {tokens}; "
                "a place is only cut shorter"
            )
        self.held[place] = tokens

    @torch.inference_mode(False)
    def copy(self, source: int, target: int, tokens: int) -> None:
        """Put the first so many tokens of one place into another, in place of what is there."""
        for stored in self.cache.memory:
            stored[:, target, :, :tokens] = stored[:, source, :, :tokens]
        self.held[target] = tokens
