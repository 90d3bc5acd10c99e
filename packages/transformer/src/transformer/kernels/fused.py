"""The decoding step as one call: all blocks of a decoder stack over new tokens and a key-value cache, in C++."""

from ctypes import addressof, c_void_p, cast
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

from attention import KeyValueCache, Mask, MultiHeadAttention

from .. import DecoderBlock, DecoderStack, FeedForward, LayerNorm
from . import native
from .products import MANY, Prepared, is_plain, many_by_torch, prepared
from .weights import kind_of

Model = TypeVar("Model", bound=nn.Module)
MOST_CHANNELS = 256
"""Of a head, in step.cpp."""
MOST_FLOAT_TOKENS = 64
"""Tokens of a step up to which the kernels, which read float32 weights as they are, beat torch with packed ones."""


class FusedDecoder(DecoderStack):
    """A decoder stack, with the same blocks and names, that goes over a key-value cache in one call of the kernels.

    At one new token a row torch spends longer on calling 170 small operations than on their work. Where the kernels do
    not apply (no compiler, no cache, a mask, gradients, hooks inside) the blocks run one by one; so they do for many
    tokens where torch multiplies these faster.
    """

    most_tokens: int | None = None
    """Of a step that the kernels take where torch has its own way; None: fewer than `MANY`."""

    def __init__(self, stack: DecoderStack) -> None:
        self.__dict__.update(stack.__dict__)  # blocks and hooks are those of the stack, also ones that come later
        self._prepared: PreparedStack | None = None

    def forward(
        self, x: Float[Tensor, "B T C"], cache: KeyValueCache | None = None, *, mask: Mask | Tensor | None = None
    ) -> Float[Tensor, "B T C"]:
        """As `DecoderStack.forward`."""
        if mask is None and cache is not None:
            with torch._C.DisableTorchFunction():  # modes that change products would be asked about every address
                found = self.fused(x, cache)
            if found is not None:
                return found
        return super().forward(x, cache, mask=mask)

    def fused(self, x: Tensor, cache: KeyValueCache) -> Tensor | None:
        """The blocks' output by the kernels; None where they do not apply."""
        if not (is_plain(x) and self.takes(x, cache)) or (library := native.library()) is None:
            return None
        cache.check_room(x.shape[1])
        fast = self.prepared()
        if fast is None or self.leaves_to_torch(fast, x.shape[0] * x.shape[1]):
            return None
        return fast(library, x, cache)

    def leaves_to_torch(self, fast: "PreparedStack", tokens: int) -> bool:
        """Whether torch computes steps of so many tokens."""
        return fast.many_by_torch and tokens > (MANY - 1 if self.most_tokens is None else self.most_tokens)

    def takes(self, x: Tensor, cache: KeyValueCache | None) -> bool:
        """Whether there is a cache for such an x, in float32 or eight bits."""
        if type(cache) is not KeyValueCache or x.dtype != torch.float32 or x.ndim != 3 or self.training:
            return False
        return x.numel() > 0 and x.shape[2] == self.n_embd and self.takes_cache(cache, x.shape[0])

    def takes_cache(self, cache: KeyValueCache, n_rows: int) -> bool:
        """Whether the kernels can write to this cache, and it is one for so many rows of this stack."""
        attention: Any = self.blocks[0].attention
        rows, heads, _, size = cache.keys[0].shape
        wanted = (n_rows, attention.n_head, attention.head_size, len(self.blocks))
        known = cache.keys[0].dtype in (torch.float32, torch.int8) and cache.lengths.device.type == "cpu"
        return known and (rows, heads, size, cache.n_layer) == wanted

    def prepared(self) -> "PreparedStack | None":
        """What the kernels are told, made anew when a layer has changed; None for hooks and gradients inside."""
        if self._prepared is None or not self._prepared.holds():
            self._prepared = PreparedStack.of(self)
        fast = self._prepared
        if fast is None or fast.is_watched() or (torch.is_grad_enabled() and fast.learns()):
            return None
        return fast

    def __getstate__(self) -> dict[str, Any]:
        """Without addresses, which mean nothing in a copy."""
        return {**self.__dict__, "_prepared": None}


class PreparedStack:
    """The blocks as step.cpp knows them, and what tells whether they still are what they were."""

    def __init__(self, stack: FusedDecoder, linears: list[Prepared], norms: list[LayerNorm]) -> None:
        first: Any = stack.blocks[0]
        blocks = [
            native.Block(norm_of(norms[2 * i]), *(p.struct for p in linears[4 * i : 4 * i + 2]),
                         norm_of(norms[2 * i + 1]), *(p.struct for p in linears[4 * i + 2 : 4 * i + 4]))
            for i in range(len(stack.blocks))
        ]  # fmt: skip
        sizes = len(blocks), first.n_embd, first.attention.n_head
        self.many_by_torch = any(many_by_torch(kind_of(layer)) for layer in linears_of(stack))
        self.array = (native.Block * len(blocks))(*blocks)
        tanh = first.feed_forward.activation == "gelu_tanh"
        self.struct = native.Stack(self.array, *sizes, tanh, first.attention_norm.eps)
        modules = [*linears_of(stack), *norms]
        named = [place for module in modules for place in named_tensors(module)]
        self.tensors = [tensor for _, _, tensor in named]
        self.written = [tensor for _, name, tensor in named if name == "weight" and not tensor.is_inference()]
        self.state = self.current_state()
        self.held = linears, [tensor.untyped_storage() for tensor in self.tensors]
        inside = [module for module in stack.modules() if module is not stack]
        self.hooks = [hooks for module in inside for hooks in (module._forward_hooks, module._forward_pre_hooks)]
        self.own = [module.__dict__ for module in inside]
        children = [(m._modules, name, child) for m in stack.modules() for name, child in m._modules.items()]
        self.places: list[tuple[Any, str, Any]] = [*children, *named]

    @classmethod
    def of(cls, stack: FusedDecoder) -> "PreparedStack | None":
        """None where a block is not GPT-2's, or a layer's weights are such that the kernels do not apply."""
        if not all(is_gpt2s(block, stack.blocks[0]) for block in stack.blocks):
            return None
        linears = [prepared(layer) for layer in linears_of(stack)]
        norms = [norm for b in stack.blocks for norm in (b.attention_norm, b.feed_forward_norm)]
        fitting = [linear for linear in linears if linear is not None]
        return cls(stack, fitting, norms) if len(fitting) == len(linears) else None  # type: ignore[arg-type]

    def current_state(self) -> list[int]:
        return [tensor.data_ptr() for tensor in self.tensors] + [tensor._version for tensor in self.written]

    def holds(self) -> bool:
        """Whether every module and tensor is in its place, and every tensor where it was and as it was."""
        for part, name, found in self.places:
            if part.get(name) is not found:
                return False
        return self.current_state() == self.state

    def is_watched(self) -> bool:
        """Whether somebody wants to see or change what happens inside: hooks, or a `forward` put onto one module."""
        return any(self.hooks) or any("forward" in own for own in self.own) or bool(_has_any_global_hook())

    def learns(self) -> bool:
        return any(tensor.requires_grad for tensor in self.tensors)

    def __call__(self, library: Any, x: Tensor, cache: KeyValueCache) -> Tensor:
        rows, time, _ = x.shape
        x = x.clone(memory_format=torch.contiguous_format)
        places, where = cache.positions(time).contiguous(), CacheAddresses(cache)
        of_call = x.data_ptr(), rows, time, places.data_ptr(), where.address
        library.decode(addressof(self.struct), *of_call, torch.get_num_threads())
        return x


class CacheAddresses:
    """Where a cache lies, for the kernels; `first` tells whether it still does."""

    def __init__(self, cache: KeyValueCache) -> None:
        self.first = cache.keys[0]
        parts = cache.keys, cache.values, cache.key_scales, cache.value_scales
        self.arrays = [(c_void_p * len(part))(*(t.data_ptr() for t in part)) if part else None for part in parts]
        self.struct = native.Cache(*(cast(array, c_void_p) if array else None for array in self.arrays), cache.length)
        self.address = addressof(self.struct)


def fuse(model: Model) -> Model:
    """`model` with a `FusedDecoder` in place of every decoder stack of GPT-2's kind; the model itself is changed."""
    for module in list(model.modules()):
        for name, child in list(module._modules.items()):
            if type(child) is DecoderStack and all(is_gpt2s(block, child.blocks[0]) for block in child.blocks):
                module._modules[name] = FusedDecoder(child)
    return model


def with_fused_steps(model: Model) -> Model:
    """What decodes like `model`, with fused steps of a few tokens: another module around the same parts and weights.
    `model` itself stays as it is, and is returned where no child of it is a decoder stack of GPT-2's kind."""
    children = {
        name: FusedDecoder(child)
        for name, child in model._modules.items()
        if type(child) is DecoderStack and all(is_gpt2s(block, child.blocks[0]) for block in child.blocks)
    }
    if not children:
        return model
    for stack in children.values():
        stack.most_tokens = MOST_FLOAT_TOKENS
    view = type(model).__new__(type(model))
    view.__dict__.update(model.__dict__, _modules={**model._modules, **children})
    return view


def fused_steps_are_faster(model: nn.Module) -> bool:
    """Whether float32 weights, too, are decoded faster by the kernels than by torch: in the main memory, where the
    kernels have instructions made for products. The time of a step is that of reading the weights, and what torch adds
    to it."""
    first = next(model.parameters(), None)
    return first is not None and first.device.type == "cpu" and native.has_fast_loops()


def is_gpt2s(block: Any, first: Any) -> bool:
    """Whether step.cpp computes this block: norms before the parts, plain attention, GELU, and like the first one."""
    if type(block) is not DecoderBlock or block.wiring != "pre":
        return False
    attention, feed_forward, norms = (
        block.attention,
        block.feed_forward,
        (block.attention_norm, block.feed_forward_norm),
    )
    if type(attention) is not MultiHeadAttention or type(feed_forward) is not FeedForward:
        return False
    turned = attention.rotate or attention.score_bias or attention.query_norm
    plain = attention.n_kv_head == attention.n_head and attention.head_size <= MOST_CHANNELS and not turned
    same = shape_of(block) == shape_of(first) and all(type(norm) is LayerNorm for norm in norms)
    return plain and same and feed_forward.activation in ("gelu_tanh", "gelu")


def shape_of(block: Any) -> tuple[Any, ...]:
    feed_forward, norms = block.feed_forward, (block.attention_norm, block.feed_forward_norm)
    sizes = block.n_embd, block.attention.n_head, feed_forward.hidden
    return *sizes, feed_forward.activation, feed_forward.gate is None, {norm.eps for norm in norms}


def linears_of(stack: DecoderStack) -> list[nn.Module]:
    """Four a block, in the order of step.cpp."""
    blocks: list[Any] = list(stack.blocks)
    return [m for b in blocks for m in (b.attention.qkv, b.attention.out, b.feed_forward.up, b.feed_forward.down)]


def norm_of(norm: LayerNorm) -> native.Norm:
    return native.Norm(norm.weight.data_ptr(), norm.bias.data_ptr())


def named_tensors(module: nn.Module) -> list[tuple[Any, str, Tensor]]:
    """The dictionaries that hold a module's tensors, their names there, and they themselves."""
    parts = (module._parameters, module._buffers)
    return [(part, name, tensor) for part in parts for name, tensor in part.items() if tensor is not None]
