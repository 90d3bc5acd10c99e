"""Reading what stands at the places of a model while it runs, and putting something else there.

Both are hooks on the modules that the model has, and gone when the `with` block ends. The model's own code knows
nothing of them: without any it runs as ever, and the fused decoding step leaves blocks with hooks to torch.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from attention import attend_reference, causal, merge_heads, split_heads
from gpt2 import GPT2

from .places import blocks_of, chosen_places, layer_of

Edit = Callable[[Tensor], Tensor]
"""Given what stands at a place, what shall stand there: a tensor of that shape."""


@contextmanager
def tracing(model: GPT2, places: str | Iterable[str] = "*") -> Iterator[dict[str, Tensor]]:
    """While the body runs, each call of `model` leaves what stands at `places` in the dict that is returned, by name.

    places: names as in `places_of(model)`, or patterns: `0.attention.heads`, `*.resid_post`; all by default, which for
        a long text is mostly `pattern`, B H T² numbers a layer.
    A second call overwrites what the first one left; no tensor is copied, and outputs keep their bits. Inside an
    `editing`, what was edited is recorded. Where the call has gradients the tensors have them, too; only nothing
    depends on a pattern, which is computed beside the pass, for that holds none. A call with a cache is traced for its
    new tokens. ValueError for a place that the model has not, and for a pattern in a call with a cache.
    """
    record: dict[str, Tensor] = {}

    def keeper(name: str) -> Edit:
        def keep(found: Tensor) -> Tensor:
            record[name] = found
            return found

        return keep

    with ExitStack() as stack:
        for name in chosen_places(model, places):
            _hook(stack, model, name, keeper(name), edits=False)
        yield record


@contextmanager
def editing(model: GPT2, edits: Mapping[str, Edit]) -> Iterator[None]:
    """While the body runs, `edits[place](x)` stands where x stood, in every call of `model`; then all is as it was,
    also after an exception.

    A function is given a copy, which it may change in place, and returns a tensor of its shape: `0.attention.heads` is
    [B, T, H, D], so `x[:, :, 3] = 0; return x` switches off head 3 of block 0. The identity changes no bit. Gradients
    flow through what the function does. With a cache (as `decoding` calls the model) it is given the new tokens only.
    Names may be patterns, as for `tracing`; of two nested edits of a place the inner one comes second.
    ValueError for a place that the model has not, for a result of another shape, and for a pattern in a call with a
    cache; TypeError for a result that is no tensor.
    """
    with ExitStack() as stack:
        for pattern, edit in edits.items():
            for name in chosen_places(model, pattern):
                _hook(stack, model, name, partial(_edited, name, edit), edits=True)
        yield


def head_writes(model: GPT2, layer: int, heads: Tensor) -> Tensor:
    """What each head adds to the stream, [B, T, H, C], of what stands at `L.attention.heads`, [B, T, H, D]; their sum
    and the bias of `out` are `L.attention.out`."""
    rows = weight_of(blocks_of(model)[layer].attention.out)
    return torch.einsum("...hd,chd->...hc", heads, rows.unflatten(1, heads.shape[-2:]))


def check_float(model: GPT2, what: str) -> None:
    """ValueError where a layer's weights are no floating-point parameters: quantized ones have no gradient, and their
    products are not linear."""
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, Tensor) and not isinstance(weight, nn.Parameter):
            raise ValueError(
                f"{what}: wanted a model with floating-point weights, got a quantized one ({name} is "
                f"{getattr(module, 'scheme', weight.dtype)}); load the model that it was made of"
            )


def check_finite(model: nn.Module, source: object) -> None:
    """ValueError, with the name of the first of them, for weights that are no numbers or infinite."""
    if wrong := next((name for name, weight in model.named_parameters() if not weight.isfinite().all()), None):
        raise ValueError(
            f"{source}: wanted finite weights, got others in {wrong}; training diverged: take an earlier checkpoint"
        )


def weight_of(linear: Any) -> Tensor:
    """The weights [out, in] of a linear layer, in floating point whatever holds them."""
    weight: Tensor = linear.weight if isinstance(linear, nn.Linear) else linear.rows(slice(None))[0]
    return weight


def _edited(name: str, edit: Edit, found: Tensor) -> Tensor:
    made = edit(found.clone())
    if not isinstance(made, Tensor):
        raise TypeError(
            f"{name}: wanted a tensor from the edit, got {type(made).__name__}; return what shall stand there"
        )
    if made.shape != found.shape:
        raise ValueError(
            f"{name}: wanted shape {list(found.shape)} from the edit, got {list(made.shape)}; keep that shape"
        )
    return made.to(found.dtype)


def _hook(stack: ExitStack, model: GPT2, name: str, edit: Edit, *, edits: bool) -> None:
    """Put `edit` between what makes the value at a place and what reads it."""

    def after(module: nn.Module, change: Edit = edit) -> None:
        stack.callback(module.register_forward_hook(lambda layer, given, made: change(made)).remove)

    def before(module: nn.Module, change: Edit = edit) -> None:
        stack.callback(module.register_forward_pre_hook(lambda layer, given: (change(given[0]), *given[1:])).remove)

    outside = {"embed": model.token_embedding, "positions": model.position_embedding, "final_norm": model.final_norm}
    if (layer := layer_of(name)) is None:
        after(outside.get(name, model))
        return
    block: Any = blocks_of(model)[layer]
    attention, feed_forward, part = block.attention, block.feed_forward, name.partition(".")[2]
    makers = {
        "attention.norm": block.attention_norm,
        "attention.out": attention,
        "feed_forward.norm": block.feed_forward_norm,
        "feed_forward.pre": feed_forward.up,
        "feed_forward.out": feed_forward,
        "resid_post": block,
    }
    readers = {"resid_pre": block, "feed_forward.hidden": feed_forward.down}
    thirds = [f"attention.{third}" for third in ("query", "key", "value")]
    if part in makers:
        after(makers[part])
    elif part in readers:
        before(readers[part])
    elif part in thirds:
        after(attention.qkv, lambda qkv: _third_edited(qkv, thirds.index(part), attention.n_head, edit, edits))
    elif part == "attention.heads":
        before(attention.out, lambda merged: edit(merged.unflatten(-1, (attention.n_head, -1))).flatten(-2))
    elif part == "attention.pattern":
        _hook_pattern(stack, name, attention, edit)
    else:
        _hook_between(stack, block, edit)


def _third_edited(qkv: Tensor, third: int, n_head: int, edit: Edit, edits: bool) -> Tensor:
    """Queries, keys or values out of what `qkv` made, edited; joined again where that can matter."""
    parts = [part.unflatten(-1, (n_head, -1)) for part in qkv.chunk(3, dim=-1)]
    parts[third] = edit(parts[third])
    return torch.cat([part.flatten(-2) for part in parts], dim=-1) if edits or qkv.requires_grad else qkv


def _hook_between(stack: ExitStack, block: Any, edit: Edit) -> None:
    """The stream between the two parts of a block, which no module has for itself: the second norm reads it, and the
    block adds to it what the second part, behind its dropout, has to say."""
    seen: dict[str, Tensor] = {}

    def reads(norm: Any, given: tuple[Tensor]) -> tuple[Tensor]:
        seen["stream"] = edit(given[0])
        return (seen["stream"],)

    def says(dropout: Any, given: Any, made: Tensor) -> None:
        seen["change"] = made

    def leaves(block: Any, given: Any, made: Tensor) -> Tensor:
        return seen.pop("stream") + seen.pop("change")

    for handle in (
        block.feed_forward_norm.register_forward_pre_hook(reads),
        block.dropout.register_forward_hook(says),
        block.register_forward_hook(leaves, prepend=True),
    ):
        stack.callback(handle.remove)


def _hook_pattern(stack: ExitStack, name: str, attention: Any, edit: Edit) -> None:
    """The fast path never holds the weights of attention, so they are computed beside it, out of the same queries and
    keys; where an edit changes them, the heads gather by the changed ones. Of several such hooks the first does all
    edits, in their order: the layer keeps them while they last."""
    seen: dict[str, Any] = {}
    chain: list[Edit] = attention.__dict__.setdefault("pattern_edits", [])
    chain.append(edit)

    def listen(layer: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        if named.get("cache", given[2] if len(given) > 2 else None) is not None:
            raise ValueError(
                f"{name}: wanted a call without a cache, got one with; give the model the whole text at once"
            )
        if chain[0] is edit:
            seen["handle"] = attention.qkv.register_forward_hook(hear)  # now, so as to come after all edits of them

    def hear(layer: Any, given: Any, made: Tensor) -> None:
        seen["qkv"] = made

    def stop() -> None:
        if "handle" in seen:
            seen.pop("handle").remove()

    def leave() -> None:
        stop()
        chain.remove(edit)
        if not chain:
            del attention.__dict__["pattern_edits"]

    def look(layer: Any, given: Any, made: Tensor) -> Tensor:
        stop()
        if "qkv" not in seen:
            return made
        q, k, v = (split_heads(part, attention.n_head) for part in seen.pop("qkv").chunk(3, dim=-1))
        visible = causal().dense(len(q), q.shape[2], k.shape[2], q.device)
        weights = attend_reference(q, k, v, visible)[1]
        changed = weights
        for each in chain:
            changed = each(changed)
        same = changed is weights or torch.equal(changed, weights)
        if same and (changed is weights or not changed.requires_grad):
            return made
        dropped = nn.functional.dropout(changed, attention.dropout, attention.training)
        again: Tensor = attention.out(merge_heads(dropped @ v))
        return made.detach() + (again - again.detach()) if same else again  # its bits, the other's gradient

    stack.callback(attention.register_forward_pre_hook(listen, with_kwargs=True).remove)
    stack.callback(attention.register_forward_hook(look, prepend=True).remove)
    stack.callback(leave)
