"""A row's logits to the bit, whoever its neighbors are: products that do not ask how many rows there are, and attention
row by row.

A sum of float32 numbers depends on its order, and libraries choose the order by the shape of what they are given: a row
that is multiplied alone, with seven others, or beside a longer row comes out different in the last bits, and sooner or
later a text does. So shapes must not depend on neighbors:

* The kernels of `transformer.kernels` add up each token and each output by itself, attention over the keys that the
  token sees: what a token gets does not depend on what else is in the call. Where they take a whole step, prompts, cut
  anywhere, and rows that write are read in the same call.
* Elsewhere a prompt is read alone, in chunks of `fixed.CHUNK` tokens counted from its beginning, and rows that write
  are read together. oneDNN's products of two and more rows with a packed weight add up each row by itself, as measured;
  a single row is multiplied twice. Attention is done for one row after the other.

(He et al. 2025, "Defeating Nondeterminism in LLM Inference", Thinking Machines Lab: batch invariance.)
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from attention import KeyValueCache
from tensors import PackedWeights, fast_products, onednn_is_there
from transformer.kernels.fused import FusedDecoder
from transformer.kernels.whole_step import NewIds

from ..protocols import LanguageModel
from ..session import Session

MOST_FUSED = 8
"""Places up to which float32 rows are written by the kernels, where these are the faster ones."""


class RowByRow(PackedWeights):
    """Inside `with`, a product gives each row what it gives it beside any number of others, and, where `seen` says how
    many keys the one query of each row sees, attention does too; a row that sees 0 gets zeros."""

    def __init__(self, packed: PackedWeights) -> None:
        super().__init__()
        self.packed = packed.packed
        self.seen: Sequence[int] | None = None
        self._mask: tuple[Tensor, bool] | None = None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is scaled_dot_product_attention and self.seen is not None and len(args[0]) == len(self.seen):
            return self.attention(self.seen, *args, **(kwargs or {}))
        return super().__torch_function__(func, types, args, kwargs)

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if not can_pack(x, weight, bias):
            return super().product(x, weight, bias)
        rows = x.reshape(-1, x.shape[-1])
        if len(rows) == 1:
            rows = rows.expand(2, -1).contiguous()
        y = torch.ops.mkldnn._linear_pointwise(rows, self.of(weight), bias, "none", [], "")
        return y[: x.numel() // x.shape[-1]].view(*x.shape[:-1], -1)

    def attention(
        self, seen: Sequence[int], q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None, **options: Any
    ) -> Tensor:
        """`scaled_dot_product_attention`, one row after the other, each with the keys that it sees."""
        options.pop("is_causal", None)  # of a single query
        mask = attn_mask if attn_mask is not None and not self.only_hides_what_is_unseen(seen, attn_mask) else None
        mixed = torch.zeros((*q.shape[:-1], v.shape[-1]), dtype=q.dtype, device=q.device)
        for row, keys in enumerate(seen):
            if keys:
                one = slice(row, row + 1)
                own = None if mask is None else mask[one if len(mask) > 1 else slice(1), ..., :keys]
                mixed[one] = scaled_dot_product_attention(
                    q[one], k[one, :, :keys], v[one, :, :keys], attn_mask=own, **options
                )
        return mixed

    def only_hides_what_is_unseen(self, seen: Sequence[int], mask: Tensor) -> bool:
        """Whether a mask shows each row all the keys that it sees by its length. Layers of a call share their mask."""
        if self._mask is None or self._mask[0] is not mask:
            rows = [mask[row if len(mask) > 1 else 0, ..., :keys] for row, keys in enumerate(seen) if keys]
            self._mask = mask, mask.dtype == torch.bool and all(bool(row.all()) for row in rows)
        return self._mask[1]


class ExactSession(Session):
    """A session whose calls go over a part of its rows, see `feed_together` and `feed_part`. `cache_dtype`: that of the
    cache, where it is not to be the model's own; torch.int8 takes a quarter of the memory."""

    def __init__(
        self,
        model: LanguageModel,
        rows: int,
        length: int,
        *,
        pack: bool | PackedWeights = True,
        cache_dtype: torch.dtype | None = None,
    ) -> None:
        self.cache_dtype = cache_dtype
        super().__init__(model, rows, length, pack=pack)
        if self.stepped is not model and isinstance(self.stepped, nn.Module):
            for child in self.stepped.children():
                if isinstance(child, FusedDecoder):  # of our own view: the kernels take all calls of rows, or none
                    child.most_tokens = MOST_FUSED if rows <= MOST_FUSED else 0
        packs = self.device.type == "cpu" and onednn_is_there()
        kept = pack if isinstance(pack, PackedWeights) else PackedWeights()
        self.row_by_row = RowByRow(kept) if packs else None

    def feed_together(self, several: Sequence[NewIds], cache: KeyValueCache) -> tuple[Tensor, list[int]] | None:
        """Ids of some rows of the whole cache, of each as many as there are; float32 logits behind all that are wanted,
        and the likeliest ids there. None where the kernels do not take such a call: then nothing has happened."""
        return None if self.step is None else self.step.together(several, cache)

    def feed_part(
        self, part: Any, tokens: Sequence[Sequence[int]], *, seen: Sequence[int] | None, last: bool
    ) -> Tensor:
        """Tokens of the rows of `part`; float32 logits after each row's last token, or after every one."""
        self.cache, self.held = part, [0] * len(tokens)
        if self.row_by_row is not None:
            self.row_by_row.seen = seen
        return self._call(tokens, last_only=last)

    def _new_cache(self, rows: int) -> KeyValueCache:
        """TypeError where the model's is not a plain one."""
        cache = super()._new_cache(1 if self.cache_dtype else rows)
        if type(cache) is not KeyValueCache:
            raise TypeError(
                f"wanted a model with a KeyValueCache for rows that keep their places, got a {type(cache).__name__}; "
                "decode without exact=True"
            )
        if self.cache_dtype is None:
            return cache
        _, heads, length, size = cache.keys[0].shape
        return KeyValueCache(
            cache.n_layer, rows, heads, length, size, dtype=self.cache_dtype, device=cache.lengths.device
        )

    def _products(self, rows: int) -> AbstractContextManager[Any]:
        return fast_products() if self.row_by_row is None else self.row_by_row


def can_pack(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether oneDNN can pack this weight, be it worth it or not."""
    return (
        isinstance(weight, nn.Parameter)
        and x.dtype == weight.dtype == torch.float32
        and weight.device.type == x.device.type == "cpu"
        and (bias is None or bias.dtype == torch.float32)
        and not weight.is_inference()
    )
