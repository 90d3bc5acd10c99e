"""What stands in the place of something ablated: nothing, its mean over another text, or what another text had there.

Zero is a value that the model may never have met, so what it breaks says less; a mean keeps what is common to all
texts; another text's value keeps the spread, too (Chan et al. 2022, "Causal Scrubbing"). Mean and donors come from
another text than the one that is measured: the mean over the same one would hand on what it should take away.
"""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Int
from torch import Tensor

from gpt2 import GPT2

from ..trace import tracing

How = Literal["zero", "mean", "resample"]
Replacement = Callable[[str, Tensor], Tensor]
"""Given a place and what stands there, what shall: a tensor that broadcasts to it."""


def check_reference(how: str, reference: Tensor | None, length: int) -> None:
    """ValueError for a way that is not known, and where the other text is missing or shorter than the rows measured."""
    if how not in get_args(How):
        raise ValueError(f"how: wanted one of {', '.join(get_args(How))}, got {how!r}; choose one of them")
    if how == "zero":
        return
    if reference is None or reference.ndim != 2 or len(reference) == 0:
        got = "none" if reference is None else f"shape {list(reference.shape)}"
        raise ValueError(
            f"reference: wanted rows of another text, [N, T], for {how}, got {got}; give some, or use zero"
        )
    if how == "resample" and reference.shape[1] < length:
        raise ValueError(
            f"reference: wanted rows of at least {length} tokens, as those measured, got {reference.shape[1]}; cut "
            "both alike"
        )


def means(model: GPT2, reference: Int[Tensor, "N T"], places: Sequence[str], rows: int) -> dict[str, Tensor]:
    """The mean of what stands at each place over all rows and tokens of a text, of shape [1, 1, ...]."""
    sums: dict[str, Tensor] = {}
    for batch in reference.split(rows):
        with tracing(model, places) as found:
            model.hidden(batch)
        for name, value in found.items():
            total = value.double().sum(dim=(0, 1), keepdim=True)
            sums[name] = sums[name] + total if name in sums else total
    return {name: (total / reference.numel()).float() for name, total in sums.items()}


def donors(
    model: GPT2, reference: Int[Tensor, "N T"], like: Tensor, places: Sequence[str], generator: torch.Generator
) -> dict[str, Tensor]:
    """What stands at each place for rows drawn from another text, one for each row of `like` and as long."""
    drawn = torch.randint(len(reference), (len(like),), generator=generator).to(reference.device)
    with tracing(model, places) as found:
        model.hidden(reference[drawn, : like.shape[1]])
    return dict(found)
