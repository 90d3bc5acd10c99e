"""One layer's part of the cache that forgets."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from .eight_bits import quantised, restored
from .layer import LayerCache


@dataclass(frozen=True)
class SlidingLayerCache(LayerCache):
    """One layer's part of a `SlidingKeyValueCache`: keys and values are rings of `window` slots, and `waiting` is where
    tokens stay until it is known which of them are real: (a ring, the tokens for it)."""

    window: int = 1
    waiting: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def write(
        self, k: Float[Tensor, "B H T D"], v: Float[Tensor, "B H T D"]
    ) -> tuple[Float[Tensor, "B H S D"], Float[Tensor, "B H S D"]]:
        """Take k and v in; return the keys and values to look at: the ring, followed by the new tokens where there are
        several. ValueError as in `LayerCache.write`, but it is never full."""
        self.check_fits(k)
        self.waiting.clear()
        if k.shape[2] == 1:  # a single token can go over the one that it drives out of sight, real or not
            return self.written(self.keys, self.key_scales, k), self.written(self.values, self.value_scales, v)
        return self.followed(self.keys, self.key_scales, k), self.followed(self.values, self.value_scales, v)

    def written(self, ring: Tensor, scales: Tensor | None, new: Tensor) -> Tensor:
        """One token a row put into its slot; what the ring then holds."""
        rows = self.rows
        for target, token in stored_as(ring, scales, new):
            if rows.shortest == rows.longest:
                slot = rows.longest % self.window
                target[:, :, slot : slot + 1] = token
            else:
                target[torch.arange(len(new), device=new.device), :, rows.lengths % self.window] = token[:, :, 0]
        return self.held(ring, scales, rows.longest + 1, new.dtype)

    def followed(self, ring: Tensor, scales: Tensor | None, new: Tensor) -> Tensor:
        """What the ring holds, and the new tokens behind it, which now wait."""
        self.waiting.extend(stored_as(ring, scales, new))
        return torch.cat([self.held(ring, scales, self.rows.longest, new.dtype), new], dim=2)

    def held(self, ring: Tensor, scales: Tensor | None, longest: int, dtype: torch.dtype) -> Tensor:
        slots = slice(min(longest, self.window))
        return ring[:, :, slots] if scales is None else restored(ring[:, :, slots], scales[:, :, slots], dtype)


def stored_as(ring: Tensor, scales: Tensor | None, new: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Where the parts of `new` are kept, and these parts: itself, or whole numbers and scales."""
    return [(ring, new)] if scales is None else list(zip((ring, scales), quantised(new), strict=True))
