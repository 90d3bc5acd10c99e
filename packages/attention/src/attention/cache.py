"""The key-value cache: what earlier tokens said stays, so that a new token costs one token's work."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .masks import Causal, Mask, causal


class KeyValueCache:
    """Keys and values of every layer for `batch` rows of up to `length` tokens, allocated once.

    Rows may hold different numbers of tokens: `lengths` ([B], int64) counts the real ones, and row r's next token goes
    to slot `lengths[r]`. A call of the model writes each layer through `layer(i)`, then says once with `advance` how
    many tokens of each row were real; padding on the right is so overwritten by the next call. `shortest` and `longest`
    are the extremes of `lengths`, known without waiting for a device.

    The cache serves inference: writing keys that carry a gradient is an error.
    """

    # Normal tensors even when made inside torch.inference_mode(), so that the cache can be written outside of it too.
    @torch.inference_mode(False)
    def __init__(
        self,
        n_layer: int,
        batch: int,
        n_head: int,
        length: int,
        head_size: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        if min(n_layer, batch, n_head, length, head_size) < 1:
            raise ValueError(
                f"wanted sizes of at least 1; got {n_layer=}, {batch=}, {n_head=}, {length=}, {head_size=}; "
                "pass how many layers, rows, heads, tokens and channels there are"
            )
        self.length = length
        self._visible: Tensor | None = None
        shape = (batch, n_head, length, head_size)
        # Zeros, not empty memory: a hidden slot is multiplied by a weight of zero, and zero times NaN would be NaN.
        self.keys = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(n_layer)]
        self.values = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(n_layer)]
        self._set_lengths(torch.zeros(batch, dtype=torch.int64, device=device))

    @property
    def n_layer(self) -> int:
        return len(self.keys)

    @property
    def n_rows(self) -> int:
        return len(self.keys[0])

    def layer(self, index: int) -> "LayerCache":
        """The part of layer `index`, to be handed to that layer's attention."""
        return LayerCache(self, index)

    def positions(self, queries: int) -> Int[Tensor, "B T"]:
        """The places in their rows of the next `queries` tokens: lengths[r] + t."""
        return self.lengths[:, None] + torch.arange(queries, device=self.lengths.device)

    def mask(self, queries: int, rule: Mask | Tensor | None = None) -> Mask | Tensor | None:
        """Who sees whom among the next `queries` tokens and the slots up to them, in the cheapest form that `attend`
        takes: the causal rule for an empty cache, None where nothing is hidden, else a bool tensor. `rule` hides
        more."""
        if rule is None or isinstance(rule, Causal):
            if self.longest == 0:
                return causal()
            return None if queries == 1 and self.shortest == self.longest else self._causal(queries)
        if isinstance(rule, Mask):
            rule = rule.dense(self.n_rows, self.positions(queries), self.longest + queries, self.lengths.device)
        return rule & self._causal(queries)

    @torch.inference_mode(False)
    def _causal(self, queries: int) -> Bool[Tensor, "_ 1 T S"]:
        if self._visible is None or self._visible.shape[-2] != queries:  # one mask serves all layers of a call
            rows = 1 if self.shortest == self.longest else self.n_rows
            positions = self.positions(queries)[:rows]
            self._visible = causal().dense(rows, positions, self.longest + queries, positions.device)
        return self._visible

    def advance(self, queries: int, lengths: Int[Tensor, " B"] | None = None) -> None:
        """Count the `queries` tokens just written, of which `lengths[r]` are real in row r (None: all). Once per model
        call.

        ValueError when a length is outside 0 ... queries, or the cache cannot hold them.
        """
        self.check_room(queries)
        real = torch.full_like(self.lengths, queries) if lengths is None else self._like_rows(lengths)
        if lengths is not None and not bool(((real >= 0) & (real <= queries)).all()):
            raise ValueError(
                f"wanted lengths from 0 to the {queries} tokens of the call; got {real.tolist()}; "
                "pass how many tokens of each row are real"
            )
        self._set_lengths(self.lengths + real)

    def cut(self, lengths: Int[Tensor, " B"] | int) -> None:
        """Forget all but the first `lengths[r]` tokens of each row. ValueError for more than a row holds."""
        kept = torch.full_like(self.lengths, lengths) if isinstance(lengths, int) else self._like_rows(lengths)
        if not bool(((kept >= 0) & (kept <= self.lengths)).all()):
            raise ValueError(
                f"wanted lengths from 0 to what each row holds, {self.lengths.tolist()}; got {kept.tolist()}; "
                "a cache is only cut shorter"
            )
        self._set_lengths(kept)

    def reset(self) -> None:
        """Forget everything; the memory stays."""
        self._set_lengths(torch.zeros_like(self.lengths))

    @torch.inference_mode(False)
    def select(self, rows: Int[Tensor, " R"]) -> None:
        """Go on with these rows, in this order: repeated for beams, left out when finished. Their number may change,
        which allocates anew; where it does not, memory is kept and only slots in use move."""
        rows = rows.to(self.lengths.device)
        for layer in range(self.n_layer):
            self.keys[layer] = self._selected(self.keys[layer], rows)
            self.values[layer] = self._selected(self.values[layer], rows)
        self._set_lengths(self.lengths[rows])

    def _selected(self, stored: Tensor, rows: Tensor) -> Tensor:
        target = stored if len(rows) == len(stored) else stored.new_zeros(len(rows), *stored.shape[1:])
        target[:, :, : self.longest] = stored[rows, :, : self.longest]
        return target

    def _like_rows(self, lengths: Tensor) -> Tensor:
        if lengths.shape != (self.n_rows,):
            raise ValueError(
                f"wanted {self.n_rows} lengths, one a row; got shape {list(lengths.shape)}; "
                "pass the lengths of this batch"
            )
        return lengths.to(self.lengths)

    @torch.inference_mode(False)
    def _set_lengths(self, lengths: Tensor) -> None:
        self.lengths = lengths.clone()
        self.shortest, self.longest = (int(bound) for bound in torch.stack(torch.aminmax(lengths)).tolist())
        self._visible = None

    def check_room(self, queries: int) -> None:
        """ValueError when `queries` more tokens, padding included, would not fit behind the longest row."""
        if self.longest + queries > self.length:
            raise ValueError(
                f"wanted at most {self.length - self.longest} more tokens; got {queries}; the cache has {self.length} slots "
                f"and its longest row holds {self.longest}: make a longer cache, or cut or reset this one"
            )


@dataclass(frozen=True)
class LayerCache:
    """One layer's keys and values in a `KeyValueCache`."""

    cache: KeyValueCache
    index: int

    def mask(self, queries: int, rule: Mask | Tensor | None = None) -> Mask | Tensor | None:
        """See `KeyValueCache.mask`."""
        return self.cache.mask(queries, rule)

    def write(
        self, k: Float[Tensor, "B H T D"], v: Float[Tensor, "B H T D"]
    ) -> tuple[Float[Tensor, "B H S D"], Float[Tensor, "B H S D"]]:
        """Store k and v, row r's token t in slot lengths[r] + t, and return the first S = longest + T slots as views.

        ValueError when the cache is full, or was made for other rows, heads, sizes or numbers, or when k carries a
        gradient.
        """
        cache, keys, values = self.cache, self.cache.keys[self.index], self.cache.values[self.index]
        check_fits(k, keys)
        queries = k.shape[-2]
        cache.check_room(queries)
        if cache.shortest == cache.longest:
            new = slice(cache.longest, cache.longest + queries)
            keys[:, :, new], values[:, :, new] = k, v
        else:
            rows, slots = torch.arange(len(k), device=k.device)[:, None], cache.positions(queries)
            keys[rows, :, slots], values[rows, :, slots] = k.transpose(1, 2), v.transpose(1, 2)
        used = slice(cache.longest + queries)
        return keys[:, :, used], values[:, :, used]


def check_fits(k: Tensor, keys: Tensor) -> None:
    if (*k.shape[:2], k.shape[3], k.dtype) != (*keys.shape[:2], keys.shape[3], keys.dtype):
        raise ValueError(
            f"wanted keys [B, H, T, D] = {[*keys.shape[:2], 'T', keys.shape[3]]} of {keys.dtype}; "
            f"got {list(k.shape)} of {k.dtype}; make the cache for this batch and this model"
        )
    if k.requires_grad and torch.is_grad_enabled():
        raise ValueError(
            "wanted keys without a gradient, a cache serves inference; got keys that carry one; "
            "call the model inside torch.inference_mode() or torch.no_grad()"
        )
