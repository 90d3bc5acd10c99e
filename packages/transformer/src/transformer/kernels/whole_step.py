"""A whole step of a GPT-2 as one call of the kernels: from ids to logits and the likeliest ids."""

from collections.abc import Sequence
from ctypes import addressof, c_int64
from typing import Any

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
        """Logits [B, V] behind each row's last id, or [B, T, V] behind all, and the likeliest id of each (the first of
        the largest; -1 where a logit is not finite), flat. The cache takes the ids in. None where the kernels do not
        apply, or an id or a length is wrong: then nothing has happened."""
        lengths = [len(row) for row in rows]
        time = max(lengths)
        if (library := native.library()) is None or not self.takes(rows, time, cache):
            return None
        assert self.fast is not None
        assert self.where is not None
        count, vocabulary = len(rows), self.struct.table.rows
        ragged = min(lengths) < time
        flat = [id for row in rows for id in ([*row, *[0] * (time - len(row))] if ragged else row)]
        last = [row * time + length - 1 for row, length in enumerate(lengths)]
        wanted = last if last_only else range(count * time)
        with torch._C.DisableTorchFunction():
            logits = torch.empty(len(wanted), vocabulary)
            numbers, likeliest = (c_int64 * len(wanted))(*wanted), (c_int64 * len(wanted))()
            ids, held = (c_int64 * len(flat))(*flat), cache.lengths.data_ptr()
            of_call = ids, count, time, held, self.where.address, numbers, len(wanted), logits.data_ptr(), likeliest
            library.step(addressof(self.struct), *of_call, torch.get_num_threads())
            cache.advance(time, torch.tensor(lengths) if ragged else None)
            return logits if last_only else logits.view(count, time, vocabulary), list(likeliest)

    def takes(self, rows: Sequence[Sequence[int]], time: int, cache: Any) -> bool:
        """Whether the kernels take these ids behind what the cache holds."""
        if type(cache) is not KeyValueCache or not all(rows) or self.is_watched():
            return False
        if self.where is None or self.where.first is not cache.keys[0]:
            self.where = CacheAddresses(cache) if self.stack.takes_cache(cache, len(rows)) else None
        if self.where is None or cache.n_rows != len(rows):
            return False
        if self.fast is None or cache.shortest == 0:
            self.fast = self.looked_at()
        if self.fast is None or self.stack.leaves_to_torch(self.fast, len(rows) * time):
            return False
        known, places = self.struct.table.rows, min(self.n_ctx, cache.length)
        return cache.longest + time <= places and all(min(row) >= 0 and max(row) < known for row in rows)

    def is_watched(self) -> bool:
        """Whether somebody wants to see or change what happens inside."""
        return any(self.hooks) or any("forward" in own for own in self.own) or bool(_has_any_global_hook())

    def looked_at(self) -> PreparedStack | None:
        """The blocks as they are now, and `struct`, which tells the kernels where all parts lie; None where these do
        not fit."""
        with torch.inference_mode(), torch._C.DisableTorchFunction():
            first: Any = self.stack.blocks[0]
            places, kind = self.positions.weight, kind_of(self.table)
            tensors = [places, self.norm.weight, self.norm.bias]
            plain = all(t.dtype == torch.float32 and t.device.type == "cpu" and t.is_contiguous() for t in tensors)
            if kind is None and self.table.weight.dtype == torch.float32:
                kind = Kind.FLOAT32
            fast, table = self.stack.prepared(), None if kind is None else prepared(self.table, kind)
            if fast is None or table is None or not plain or self.norm.eps != first.attention_norm.eps:
                return None
            factor = getattr(self.table, "factor", getattr(self.table, "scale", 1.0))
            self.n_ctx = len(places)
            of_model = fast.struct, norm_of(self.norm), table.struct, places.data_ptr(), factor
            self.struct = native.Model(*of_model)
            self.held = [fast, table, *(tensor.untyped_storage() for tensor in tensors)]
            return fast
