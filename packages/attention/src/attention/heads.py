"""Channels cut into heads, and heads joined to channels again."""

from jaxtyping import Shaped
from torch import Tensor


def split_heads(x: Shaped[Tensor, "B T C"], n_head: int) -> Shaped[Tensor, "B H T D"]:
    """Cut the C channels into n_head groups of D = C / n_head, a view without a copy. ValueError when they do not
    divide."""
    if n_head < 1 or x.shape[-1] % n_head:
        raise ValueError(
            f"wanted channels that n_head={n_head} heads divide; got {x.shape[-1]} channels in shape {list(x.shape)}; "
            "choose a number of heads that divides the channels"
        )
    return x.unflatten(-1, (n_head, -1)).transpose(1, 2)


def merge_heads(x: Shaped[Tensor, "B H T D"]) -> Shaped[Tensor, "B T C"]:
    """Undo `split_heads`: head after head along the channels. A view where the memory already lies so (as it does after
    `attend`), a copy where not."""
    return x.transpose(1, 2).flatten(2)
