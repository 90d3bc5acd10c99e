"""What constraints make of logits: -inf for the ids that they do not allow."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from ..rows import Constraint, Row
from ..settings.vocabulary import Vocabulary


def constrained(logits: Float[Tensor, "B V"], rows: Sequence[Row], vocabulary: Vocabulary) -> Float[Tensor, "B V"]:
    """-inf for the ids that a row's constraint does not allow now. ValueError where it allows none."""
    if all(row.constraint is None for row in rows):
        return logits
    masked = [
        mask_by(row.constraint, row.ids, one, vocabulary.ends if row.settings.stop_at_end_of_text else ())
        for row, one in zip(rows, logits, strict=True)
    ]
    return torch.stack(masked)


def mask_by(
    constraint: Constraint | None, ids: Sequence[int], logits: Float[Tensor, " V"], ends: Sequence[int]
) -> Float[Tensor, " V"]:
    """One row of `constrained`. Ids beyond those that the constraint speaks of are not allowed; what ends the text by
    the constraint's own `end_of_text` (as a `Grammar` has it) ends it by all `ends`."""
    if constraint is None:
        return logits
    allowed = constraint(ids)
    if not isinstance(allowed, Tensor) or allowed.dtype != torch.bool or allowed.ndim != 1:
        got = f"{allowed.dtype} {list(allowed.shape)}" if isinstance(allowed, Tensor) else type(allowed).__name__
        raise TypeError(f"wanted a bool for each id from a constraint, in a tensor [V], got {got}; return such a mask")
    if len(allowed) > len(logits):
        raise ValueError(
            f"wanted a constraint on at most the model's {len(logits)} ids, got one on {len(allowed)}; make it "
            "with the tokenizer that belongs to the model"
        )
    allowed = pad(allowed.to(logits.device), (0, len(logits) - len(allowed)))
    own_end = getattr(constraint, "end_of_text", None)
    if own_end is not None and ends:
        may_end = bool(allowed[own_end])
        allowed = allowed.clone()
        allowed[own_end] = False
        allowed[list(ends)] = may_end
    if not allowed.any():
        raise ValueError(f"wanted a constraint that allows some id, got none after {list(ids)}; let it allow the end")
    return logits.masked_fill(~allowed, -torch.inf)
