"""A cache that forgets: the last few tokens of each row in a ring of slots, at the same memory however long the text."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .algebra import Mask
from .cache import KeyValueCache
from .layer_cache import LayerCache
from .masks import Causal, causal
from .patterns import sliding_window
from .quantised import quantised, restored


class SlidingKeyValueCache(KeyValueCache):
    """The last `window` tokens of each row: what `causal() & sliding_window(window)` would still look at (Beltagy et al.
    2020, section 3.1; the rolling buffer of Jiang et al. 2023, "Mistral 7B", section 2).

    Used as a `KeyValueCache` is, with the same numbers as a full one under that mask, but never full: the token at place
    p lies in slot p % window, over the one that went out of sight. `lengths` count all tokens of a row, forgotten ones
    too. Several tokens at once are kept beside the ring until `advance` says which of them are real, so a call may bring
    more than the window; that call alone takes memory for its tokens.

    What is forgotten cannot be looked at again: `cut` goes back only as far as the window before the cut is still held,
    and masks must be rules, for a tensor does not say which place a slot holds.
    """

    @torch.inference_mode(False)
    def __init__(
        self,
        n_layer: int,
        batch: int,
        n_head: int,
        window: int,
        head_size: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(n_layer, batch, n_head, window, head_size, dtype=dtype, device=device)
        self.window = window
        self.oldest = torch.zeros_like(self.lengths)  # the first place of each row that is not forgotten
        self.waiting: dict[int, list[tuple[Tensor, Tensor]]] = {}  # layer: (its ring, tokens to be put into it)

    def layer(self, index: int) -> "SlidingLayerCache":
        """The part of layer `index`, to be handed to that layer's attention."""
        plain = super().layer(index)
        scales = plain.key_scales, plain.value_scales
        return SlidingLayerCache(self, plain.keys, plain.values, *scales, index=index)

    @property
    def held(self) -> int:
        """How many slots are in use in the fullest row."""
        return min(self.longest, self.window)

    def key_positions(self, queries: int) -> Int[Tensor, "_ S"]:
        """The place of the token in each slot that a call of `queries` tokens looks at, below 0 where there is none; one
        row where all are alike."""
        rows = 1 if self.shortest == self.longest else self.n_rows
        if queries == 1:  # it is in the ring already
            return self.places_in_ring(self.lengths[:rows] + 1, min(self.longest + 1, self.window))
        return torch.cat([self.places_in_ring(self.lengths[:rows], self.held), self.positions(queries)[:rows]], dim=1)

    def places_in_ring(self, lengths: Int[Tensor, " B"], slots: int) -> Int[Tensor, "_ S"]:
        """The latest place below a row's length whose token goes to each slot."""
        last = lengths[:, None] - 1
        return last - (last - torch.arange(slots, device=lengths.device)) % self.window

    def mask(self, queries: int, rule: Mask | Tensor | None = None) -> Mask | Tensor | None:
        """See `RowLengths.mask`; TypeError for a tensor."""
        if isinstance(rule, Tensor):
            raise TypeError(
                f"wanted a rule such as documents(ids); got a tensor of shape {list(rule.shape)}; "
                "a sliding cache holds places in another order than a tensor has them: pass the rule itself"
            )
        near = causal() & sliding_window(self.window)
        if self.longest == 0:
            plain = causal() if queries <= self.window else near
            return plain if rule is None else plain & rule
        all_in_sight = queries == 1 and (self.shortest == self.longest or self.shortest >= self.window - 1)
        if all_in_sight and (rule is None or isinstance(rule, Causal)):
            return None
        return self.visible_slots(queries, near if rule is None else near & rule)

    @torch.inference_mode(False)
    def visible_slots(self, queries: int, rule: Mask) -> Bool[Tensor, "_ 1 T S"]:
        places = self.key_positions(queries)
        asking = self.positions(queries)[: len(places)]
        shown = rule.dense(self.n_rows, asking, places.clamp(min=0), places.device)
        return shown & (places >= 0)[:, None, None, :]

    def check_room(self, queries: int) -> None:
        """There is always room."""

    @torch.inference_mode(False)
    def advance(self, queries: int, lengths: Int[Tensor, " B"] | None = None) -> None:
        """See `RowLengths.advance`; what waited goes into the ring, as far as it is real."""
        before = self.lengths
        super().advance(queries, lengths)
        if self.waiting:
            places = self.places_in_ring(self.lengths, self.window)
            new = (places - before[:, None])[
                :, None, :, None
            ]  # its number among the call's tokens; below 0: an old one
            for ring, tokens in (pair for layer in self.waiting.values() for pair in layer):
                index = new.clamp(min=0).expand(*ring.shape[:3], ring.shape[3])
                ring.copy_(torch.where(new >= 0, tokens.gather(2, index), ring))
            self.waiting.clear()
        self.oldest = torch.maximum(self.oldest, self.lengths - self.window)

    def cut(self, lengths: Int[Tensor, " B"] | int) -> None:
        """See `RowLengths.cut`. ValueError where tokens that the next one looks at are forgotten."""
        kept = torch.full_like(self.lengths, lengths) if isinstance(lengths, int) else lengths.to(self.lengths)
        needed = (kept - self.window + 1).clamp(min=0)
        if kept.shape == self.lengths.shape and bool(((needed < self.oldest) & (kept > 0)).any()):
            raise ValueError(
                f"wanted lengths whose last {self.window - 1} tokens are still held, those from "
                f"{self.oldest.tolist()} on; got {kept.tolist()}; say in advance() how many tokens are real, "
                "or use a KeyValueCache, which forgets nothing"
            )
        super().cut(lengths)
        self.oldest = torch.where(self.lengths == 0, 0, self.oldest)
        self.waiting.clear()

    def reset(self) -> None:
        """Forget everything; the memory stays."""
        super().reset()
        self.oldest = torch.zeros_like(self.lengths)
        self.waiting.clear()

    @torch.inference_mode(False)
    def select(self, rows: Int[Tensor, " R"]) -> None:
        """See `KeyValueCache.select`."""
        super().select(rows)
        self.oldest = self.oldest[rows.to(self.oldest.device)]
        self.waiting.clear()

    def grow(self, length: int) -> None:
        """ValueError: a wider window would want tokens that are forgotten."""
        raise ValueError(
            f"wanted a window of {self.window} for good; got grow({length}); a sliding cache is never full: "
            "make a new one for another window"
        )


@dataclass(frozen=True)
class SlidingLayerCache(LayerCache):
    """One layer's part of a `SlidingKeyValueCache`."""

    index: int = 0

    def write(
        self, k: Float[Tensor, "B H T D"], v: Float[Tensor, "B H T D"]
    ) -> tuple[Float[Tensor, "B H S D"], Float[Tensor, "B H S D"]]:
        """Take k and v in; return the keys and values to look at: the ring, followed by the new tokens where there are
        several. ValueError as in `LayerCache.write`, but it is never full."""
        self.check_fits(k)
        rows = self.rows
        assert isinstance(rows, SlidingKeyValueCache)
        whole = [(self.keys, self.key_scales, k), (self.values, self.value_scales, v)]
        rows.waiting.pop(self.index, None)
        if k.shape[2] == 1:
            return tuple(self.written(*part, rows) for part in whole)  # type: ignore[return-value]
        rows.waiting[self.index] = [pair for ring, scales, new in whole for pair in stored_as(ring, scales, new)]
        held = [self.read(ring, scales, rows.held, new.dtype) for ring, scales, new in whole]
        return torch.cat([held[0], k], dim=2), torch.cat([held[1], v], dim=2)

    def written(self, ring: Tensor, scales: Tensor | None, new: Tensor, rows: SlidingKeyValueCache) -> Tensor:
        """One token a row put into its slot; what the ring then holds."""
        for target, token in stored_as(ring, scales, new):
            if rows.shortest == rows.longest:
                slot = rows.longest % rows.window
                target[:, :, slot : slot + 1] = token
            else:
                target[torch.arange(len(new), device=new.device), :, rows.lengths % rows.window] = token[:, :, 0]
        return self.read(ring, scales, min(rows.longest + 1, rows.window), new.dtype)

    def read(self, ring: Tensor, scales: Tensor | None, slots: int, dtype: torch.dtype) -> Tensor:
        return ring[:, :, :slots] if scales is None else restored(ring[:, :, :slots], scales[:, :, :slots], dtype)


def stored_as(ring: Tensor, scales: Tensor | None, new: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Where the parts of `new` are kept, and these parts: itself, or whole numbers and scales."""
    return [(ring, new)] if scales is None else list(zip((ring, scales), quantised(new), strict=True))
