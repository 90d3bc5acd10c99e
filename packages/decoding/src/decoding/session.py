"""One model and one cache: tokens of several rows in, logits out. Every method asks the model through it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gpt2 import whole_step
from tensors import PackedWeights as PackedWeights, fast_products, keep_freed_memory, onednn_is_there
from transformer.kernels.fused import fused_steps_are_faster, with_fused_steps

from .machine.inference import inference, modules_of
from .protocols import LanguageModel
from .requests.checks import check_model


class Session:
    """`rows` rows of up to `length` tokens of one model, their cache allocated once.

    With `pack` weights are packed for this session once it has read its prompts (see `PackedWeights`); given
    PackedWeights, what is packed there is used at once, and kept for later sessions.
    """

    def __init__(self, model: LanguageModel, rows: int, length: int, *, pack: bool | PackedWeights = True) -> None:
        check_model(model)
        self.model = model
        self.stepped = (
            with_fused_steps(model) if isinstance(model, nn.Module) and fused_steps_are_faster(model) else model
        )
        """The model as it is called: with the decoding step of its blocks as one call, where that is faster."""
        self.step = whole_step(self.stepped)
        """All of a step as one call, where that is possible; what it does not take goes through `stepped`."""
        self.likeliest: list[int] | None = None
        """The likeliest id after each token of the last call, -1 where a logit is not finite; None: not known."""
        self.modules = modules_of(self.stepped)
        self.cache_length = min(length, model.n_ctx)
        keep_freed_memory()
        with inference(model):
            self.cache = self._new_cache(rows)
        self.device: torch.device = self.cache.lengths.device
        self.held = [0] * rows
        """Tokens that the cache holds of each row: `cache.lengths`, without asking the device."""
        may_pack = pack is not False and self.device.type == "cpu" and onednn_is_there()
        self.packed = (pack if isinstance(pack, PackedWeights) else PackedWeights()) if may_pack else None

    def feed(self, tokens: Sequence[Sequence[int]]) -> Float[Tensor, "B V"]:
        """Append one or more tokens to each row; float32 logits of what follows each row's last one."""
        return self._call(tokens, last_only=True)

    def feed_all(self, tokens: Sequence[Sequence[int]]) -> Float[Tensor, "B T V"]:
        """The same, with the logits after every one of the tokens; rows of fewer than T have padding on the right."""
        return self._call(tokens, last_only=False)

    def select(self, rows: Sequence[int]) -> None:
        """Go on with these rows, in this order, some perhaps several times."""
        if list(rows) != list(range(len(self.held))):
            with torch.inference_mode():
                self.cache.select(torch.tensor(rows, device=self.device))
            self.held = [self.held[row] for row in rows]

    def cut(self, lengths: Sequence[int]) -> None:
        """Forget all but the first `lengths[r]` tokens of each row. TypeError for a cache that cannot."""
        if list(lengths) == self.held:
            return
        if not hasattr(self.cache, "cut"):
            raise TypeError(
                f"wanted a cache with cut(lengths), got {type(self.cache).__name__} without; it is needed where tokens "
                "are taken back: speculation, rows that enter later, and going on past the context"
            )
        with torch.inference_mode():
            self.cache.cut(torch.tensor(lengths, device=self.device))
        self.held = list(lengths)

    def _new_cache(self, rows: int) -> Any:
        return self.model.new_cache(rows, self.cache_length)

    def _call(self, tokens: Sequence[Sequence[int]], *, last_only: bool) -> Tensor:
        found = None if self.step is None else self.step(tokens, self.cache, last_only=last_only)
        logits, self.likeliest = self._by_torch(tokens, last_only=last_only) if found is None else found
        self.held = [held + len(row) for held, row in zip(self.held, tokens, strict=True)]
        return logits

    def _by_torch(self, tokens: Sequence[Sequence[int]], *, last_only: bool) -> tuple[Tensor, None]:
        padded, lengths = padded_rows(tokens, self.device)
        with inference(self.stepped, self.modules), self._products(len(padded) * padded.shape[1]):
            return self.stepped(padded, cache=self.cache, lengths=lengths, last_only=last_only).float(), None

    def _products(self, rows: int) -> AbstractContextManager[Any]:
        """The way in which so many rows are multiplied; prompts come too early to pack weights for them."""
        if self.packed is None:
            return nullcontext()
        several = rows > 1 and (any(self.held) or bool(self.packed.packed))
        return self.packed if several else fast_products()


def padded_rows(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Int[Tensor, "B T"], Tensor | None]:
    """Rows of ids, filled up with 0 on the right, and how many are real, [B] (None where all are)."""
    lengths = [len(row) for row in rows]
    longest = max(lengths)
    if min(lengths) == longest:
        return torch.tensor(rows, device=device), None
    padded = [[*row, *[0] * (longest - len(row))] for row in rows]
    return torch.tensor(padded, device=device), torch.tensor(lengths, device=device)
