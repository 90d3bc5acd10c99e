"""One face for everything that a contract can try: how to make its inputs, and how to run it."""

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..caches.cache import KeyValueCache
from ..masks.text import causal

Shape = tuple[int, int, int, int]


def triangle(inputs: Sequence[Tensor]) -> Tensor:
    batch, length = len(inputs[0]), inputs[0].shape[-2]
    return causal().dense(1, length, length).expand(batch, 1, length, length)


class FunctionSubject:
    """A function of (q, k, v, mask)."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def inputs(self, shape: Shape, seed: int = 0, dtype: torch.dtype = torch.float32) -> tuple[Tensor, ...]:
        source = torch.Generator().manual_seed(seed)
        return tuple(torch.randn(shape, generator=source).to(dtype) for _ in range(3))

    def run(self, inputs: Sequence[Tensor], mask: Tensor | None) -> Tensor:
        output = self.function(*inputs, mask)
        return output[0] if isinstance(output, tuple) else output

    def causal(self, inputs: Sequence[Tensor]) -> Tensor:
        return self.run(inputs, triangle(inputs))

    def steps(self, inputs: Sequence[Tensor], sizes: Sequence[int]) -> Tensor:
        """Some queries at a time, each against the keys up to the last of them."""
        (q, k, v), outputs, start = inputs, [], 0
        for size in sizes:
            stop = start + size
            mask = causal().dense(1, torch.arange(start, stop)[None], stop).expand(len(q), 1, size, stop)
            outputs.append(self.run((q[:, :, start:stop], k[:, :, :stop], v[:, :, :stop]), mask))
            start = stop
        return torch.cat(outputs, dim=-2)

    def to(self, dtype: torch.dtype) -> "FunctionSubject":
        return self

    def awake(self) -> "FunctionSubject":
        return self

    def like(self, reference: Callable[..., Any]) -> "FunctionSubject":
        return FunctionSubject(reference)

    def weights(self) -> list[tuple[str, Tensor]]:
        return []

    def described(self, shape: Shape) -> str:
        return f"q, k and v of [B, H, T, D] = {list(shape)}"

    def evaluating(self) -> bool:
        return False

    def restore(self, training: bool) -> None:
        pass


def cache_maker(n_head: int, n_kv_head: int, n_embd: int) -> Callable[[int, int], KeyValueCache]:
    return lambda batch, length: KeyValueCache(1, batch, n_kv_head, length, n_embd // n_head)


class ModuleSubject:
    """A module of (x, mask), or of x alone when nobody passes a mask. `new_cache(batch, length)` makes what its
    argument `cache` takes a layer of."""

    def __init__(
        self, module: nn.Module, n_embd: int | None = None, new_cache: Callable[[int, int], KeyValueCache] | None = None
    ) -> None:
        inner = getattr(module, "attention", module)
        n_embd = n_embd if n_embd is not None else getattr(module, "n_embd", getattr(inner, "n_embd", None))
        if n_embd is None:
            raise ValueError(f"wanted the width of {type(module).__name__}; got no attribute n_embd; pass n_embd=")
        takes_cache = "cache" in inspect.signature(module.forward).parameters
        n_head = getattr(inner, "n_head", None)
        if new_cache is None and takes_cache and isinstance(n_head, int):
            new_cache = cache_maker(n_head, getattr(inner, "n_kv_head", n_head), n_embd)
        self.module: Any = module
        self.n_embd, self.new_cache = n_embd, new_cache

    def inputs(self, shape: Shape, seed: int = 0, dtype: torch.dtype = torch.float32) -> tuple[Tensor, ...]:
        source = torch.Generator().manual_seed(seed)
        return (torch.randn(shape[0], shape[2], self.n_embd, generator=source).to(dtype),)

    def run(self, inputs: Sequence[Tensor], mask: Tensor | None) -> Tensor:
        return self.module(*inputs, mask)

    def causal(self, inputs: Sequence[Tensor]) -> Tensor:
        return self.run(inputs, triangle(inputs))

    def steps(self, inputs: Sequence[Tensor], sizes: Sequence[int]) -> Tensor:
        """Some tokens at a time, through a cache."""
        cache, outputs = self.made_cache(len(inputs[0]), sum(sizes)), []
        for chunk in inputs[0].split(list(sizes), dim=1):
            outputs.append(self.module(chunk, cache=cache.layer(0)))
            cache.advance(chunk.shape[1])
        return torch.cat(outputs, dim=1)

    def made_cache(self, batch: int, length: int) -> KeyValueCache:
        assert self.new_cache is not None, "only modules with a cache are fed in steps"
        return self.new_cache(batch, length)

    def to(self, dtype: torch.dtype) -> "ModuleSubject":
        subject = copy.copy(self)
        subject.module = copy.deepcopy(self.module).to(dtype)
        return subject

    def awake(self) -> "ModuleSubject":
        """With every weight moved a little, since a layer that begins at zero shows nothing of what it sees."""
        subject, source = copy.copy(self), torch.Generator().manual_seed(5)
        subject.module = copy.deepcopy(self.module)
        for weight in subject.module.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=source).to(weight))
        return subject

    def like(self, reference: Callable[..., Any]) -> "ModuleSubject":
        """The same inputs, and the same way to call, for another module or function."""
        subject = copy.copy(self)
        subject.module = reference
        return subject

    def weights(self) -> list[tuple[str, Tensor]]:
        return [(name, weight) for name, weight in self.module.named_parameters() if weight.requires_grad]

    def described(self, shape: Shape) -> str:
        return f"x of [B, T, C] = {[shape[0], shape[2], self.n_embd]}"

    def evaluating(self) -> bool:
        training = self.module.training
        self.module.eval()
        return training

    def restore(self, training: bool) -> None:
        self.module.train(training)


Subject = FunctionSubject | ModuleSubject
