"""A whole step of a GPT-2 as one call of the kernels: from ids to logits and the likeliest ids."""

from collections.abc import Sequence
from ctypes import addressof, c_int64
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

from attention import KeyValueCache

from .. import LayerNorm
from . import native
from .fused import CacheAddresses, FusedDecoder, PreparedStack, norm_of
from .products import prepared
from .weights import Kind, kind_of


class NewIds(NamedTuple):
    """What one row of a cache brings to a call."""

    row: int
    held: int
    """Tokens that the cache has of this row already."""
    ids: Sequence[int]
    every: bool
    """Whether logits are wanted behind each of the ids; else behind the last."""


class WholeStep:
    """Calls `model`, whose parts are named here, through the kernels: `table` (a row an id, and the head) and
    `positions` (a row a place) before the stack of blocks, `norm` behind it.

    At one row torch takes longer for the twenty small operations around the blocks than they are worth. What cannot
    change while texts are written is looked at when one begins: weights that were replaced or written to, modules, a
    compiler. Hooks, and a `forward` put onto one module, are looked for in every call, which is then left to torch.
    """

    def __init__(
        self, model: nn.Module, *, table: nn.Module, positions: nn.Module, stack: FusedDecoder, norm: LayerNorm
    ) -> None:
        self.table: Any = table
        self.positions: Any = positions
        self.stack, self.norm = stack, norm
        inside = list(model.modules())
        self.hooks = [hooks for module in inside for hooks in (module._forward_hooks, module._forward_pre_hooks)]
        self.own = [module.__dict__ for module in inside]
        self.fast: PreparedStack | None = None
        self.where: CacheAddresses | None = None
        self.held: list[Any] = []

    def __call__(
        self, rows: Sequence[Sequence[int]], cache: Any, *, last_only: bool
    ) -> tuple[Float[Tensor, "..."], list[int]] | None:
        """Logits [B, V] behind each row's last id, or [B, T, V] behind all (zeros beyond a row's end), and the
        likeliest ids there, of all rows in turn (the first of the largest; -1 where a logit is not finite). The cache
        takes the ids in. None where the kernels do not apply, or an id or a length is wrong: then nothing has
        happened."""
        if type(cache) is not KeyValueCache or cache.n_rows != len(rows) or not all(rows):
            return None
        lengths, held = [len(row) for row in rows], cache.lengths.tolist()
        time, count = max(lengths), len(rows)
        if self.takes_weights(cache) and self.stack.leaves_to_torch(self.fast, count * time):
            return None
        several = [NewIds(row, has, ids, not last_only) for row, (has, ids) in enumerate(zip(held, rows, strict=True))]
        found = self.together(several, cache)
        if found is None:
            return None
        logits, likeliest = found
        ragged = min(lengths) < time
        with torch._C.DisableTorchFunction():
            cache.advance(time, torch.tensor(lengths) if ragged else None)
            if last_only:
                return logits, likeliest
            if ragged:
                logits = nn.utils.rnn.pad_sequence(logits.split(lengths), batch_first=True)
            return logits.view(count, time, -1), likeliest

    def together(self, several: Sequence[NewIds], cache: Any) -> tuple[Float[Tensor, "N V"], list[int]] | None:
        """The same for some rows of a cache: logits and likeliest ids behind all that are wanted, in order. What a row
        gets does not depend, in any bit, on the others, nor on how its ids are cut into calls; the cache holds the ids,
        but does not count them. None as above, but not because torch were faster."""
        if (library := native.library()) is None or not self.takes(several, cache):
            return None
        assert self.where is not None
        ids = [id for one in several for id in one.ids]
        rows = [one.row for one in several for _ in one.ids]
        places = [one.held + i for one in several for i in range(len(one.ids))]
        wanted, end = [], 0
        for one in several:
            end += len(one.ids)
            wanted += range(end - len(one.ids), end) if one.every else [end - 1]
        with torch._C.DisableTorchFunction():
            logits = torch.empty(len(wanted), self.struct.table.rows)
            likeliest = (c_int64 * len(wanted))()
            of_ids = numbers(ids), len(ids), numbers(rows), numbers(places), len(ids) == len(several)
            found = self.where.address, numbers(wanted), len(wanted), logits.data_ptr(), likeliest
            library.step(addressof(self.struct), *of_ids, *found, torch.get_num_threads())
        return logits, list(likeliest)

    def takes(self, several: Sequence[NewIds], cache: Any) -> bool:
        """Whether the kernels take these ids behind what the cache holds."""
        begins = any(one.held == 0 for one in several)
        if type(cache) is not KeyValueCache or self.is_watched() or not self.takes_weights(cache, anew=begins):
            return False
        known, places, rows = self.struct.table.rows, min(self.n_ctx, cache.length), {one.row for one in several}
        if len(rows) < len(several) or not rows or min(rows) < 0 or max(rows) >= cache.n_rows:
            return False
        return all(
            one.ids and 0 <= one.held <= places - len(one.ids) and min(one.ids) >= 0 and max(one.ids) < known
            for one in several
        )

    def takes_weights(self, cache: KeyValueCache, *, anew: bool = False) -> bool:
        """Whether the kernels know this cache, and the weights; these are looked at when a text begins."""
        if self.where is None or self.where.first is not cache.keys[0]:
            self.where = CacheAddresses(cache) if self.stack.takes_cache(cache, cache.n_rows) else None
        if self.where is not None and (self.fast is None or anew):
            self.fast = self.looked_at()
        return self.where is not None and self.fast is not None

    def is_watched(self) -> bool:
        """Whether somebody wants to see or change what happens inside."""
        return any(self.hooks) or any("forward" in own for own in self.own) or bool(_has_any_global_hook())

    def looked_at(self) -> PreparedStack | None:
        """The blocks as they are now, and `struct`, which tells the kernels where all parts lie; None where these do
        not fit."""
        with torch.inference_mode(), torch._C.DisableTorchFunction():
            places, kind = self.positions.weight, kind_of(self.table)
            tensors = [places, self.norm.weight, self.norm.bias]
            plain = all(t.dtype == torch.float32 and t.device.type == "cpu" and t.is_contiguous() for t in tensors)
            if kind is None and self.table.weight.dtype == torch.float32:
                kind = Kind.FLOAT32
            fast, table = self.stack.prepared(), None if kind is None else prepared(self.table, kind)
            first: Any = self.stack.blocks[0]
            if fast is None or table is None or not plain or self.norm.eps != first.attention_norm.eps:
                return None
            factor = getattr(self.table, "factor", getattr(self.table, "scale", 1.0))
            self.n_ctx = len(places)
            of_model = fast.struct, norm_of(self.norm), table.struct, places.data_ptr(), factor
            self.struct = native.Model(*of_model)
            self.held = [fast, table, *(tensor.untyped_storage() for tensor in tensors)]
            return fast


def numbers(some: Sequence[int]) -> Any:
    """Whole numbers as the kernels read them."""
    return (c_int64 * len(some))(*some)
