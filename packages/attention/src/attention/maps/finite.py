"""NaN and infinity, named where they come in: a hidden one would spread through every later product."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from ..multi_head import MultiHeadAttention


def check_finite(**tensors: Tensor | None) -> None:
    """ValueError that names the first of `tensors` with NaN or infinity in it, how many, and where the first one is.

    It waits for the device, so it is for finding a mistake, not for every step: `check_finite(q=q, k=k, v=v)`.
    """
    for name, tensor in tensors.items():
        if tensor is None or bool(tensor.isfinite().all()):
            continue
        wrong = (~tensor.isfinite()).nonzero()
        first = wrong[0].tolist()
        raise ValueError(
            f"wanted finite numbers in {name}; got {len(wrong)} of {tensor.numel()} that are not, the first "
            f"{tensor[tuple(first)].item()} at {first} in shape {list(tensor.shape)}; look for what made it: "
            "too high a learning rate, a division by zero, or half precision out of range"
        )


@contextmanager
def finite_inputs(model: nn.Module) -> Iterator[None]:
    """While the body runs, every `MultiHeadAttention` in `model` checks its x and its source first, under its own name.
    ValueError as in `check_finite`, at the first layer that is given such a number."""

    def checker(name: str) -> Any:
        def check(layer: Any, given: tuple[Any, ...], named: Mapping[str, Any]) -> None:
            check_finite(**{f"x of {name}": given[0] if given else named["x"]})
            source = named.get("source")
            for part in source if isinstance(source, tuple) else (source,):
                check_finite(**{f"the source of {name}": part})

        return check

    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, MultiHeadAttention)]
    hooks = [layer.register_forward_pre_hook(checker(name or "the layer"), with_kwargs=True) for name, layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
