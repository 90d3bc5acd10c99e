"""A cache that forgets: the last few tokens of each row in a ring of slots, the same memory for any length of text."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ..masks.algebra import Mask
from ..masks.patterns import sliding_window
from ..masks.text import Causal, causal
from .cache import KeyValueCache
from .sliding_layer import SlidingLayerCache


class SlidingKeyValueCache(KeyValueCache):
    """The last `window` tokens of each row: what `causal() & sliding_window(window)` would still look at (Beltagy et
    al. 2020, section 3.1; the rolling buffer of Jiang et al. 2023, "Mistral 7B", section 2).

    Used as a `KeyValueCache` is, with the numbers of a full one under that mask, but never full: the token at place p
    lies in slot p % window, over the one that went out of sight. `lengths` count all tokens of a row, forgotten ones
    too. Several tokens at once wait beside the ring until `advance` says which of them are real, so a call may bring
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
        self.waiting: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(n_layer)]  # (a ring, tokens for it)

    def layer(self, index: int) -> SlidingLayerCache:
        """The part of layer `index`, to be handed to that layer's attention."""
        plain = super().layer(index)
        given = plain.keys, plain.values, plain.key_scales, plain.value_scales
        return SlidingLayerCache(self, *given, window=self.window, waiting=self.waiting[index])

    def key_positions(self, queries: int) -> Int[Tensor, "_ S"]:
        """The place of the token in each slot that a call of `queries` tokens looks at, below 0 where there is none;
        one row where all are alike."""
        rows = 1 if self.shortest == self.longest else self.n_rows
        if queries == 1:  # it is in the ring already
            return self.places_in_ring(self.lengths[:rows] + 1, min(self.longest + 1, self.window))
        return torch.cat(
            [self.places_in_ring(self.lengths[:rows], min(self.longest, self.window)), self.positions(queries)[:rows]],
            dim=1,
        )

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
        if any(self.waiting):
            places = self.places_in_ring(self.lengths, self.window)
            new = (places - before[:, None])[
                :, None, :, None
            ]  # its number among the call's tokens; below 0: an old one
            for ring, tokens in (pair for layer in self.waiting for pair in layer):
                index = new.clamp(min=0).expand(*ring.shape[:3], ring.shape[3])
                ring.copy_(torch.where(new >= 0, tokens.gather(2, index), ring))
            self.drop_waiting()
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
        self.drop_waiting()

    def reset(self) -> None:
        """Forget everything; the memory stays."""
        super().reset()
        self.oldest = torch.zeros_like(self.lengths)
        self.drop_waiting()

    @torch.inference_mode(False)
    def select(self, rows: Int[Tensor, " R"]) -> None:
        """See `KeyValueCache.select`."""
        super().select(rows)
        self.oldest = self.oldest[rows.to(self.oldest.device)]
        self.drop_waiting()

    def first_difference(self, target: int, source: int) -> int:
        """Slots are used again and again: all may differ."""
        return 0

    def drop_waiting(self) -> None:
        for layer in self.waiting:
            layer.clear()

    def grow(self, length: int) -> None:
        """ValueError: a wider window would want tokens that are forgotten."""
        raise ValueError(
            f"wanted a window of {self.window} for good; got grow({length}); a sliding cache is never full: "
            "make a new one for another window"
        )
