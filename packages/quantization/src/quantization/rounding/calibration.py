"""What goes into the layers of a model when it reads real text: the errors that count are those on such inputs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

from trainkit.evaluation import evaluating
from workbench import Progress, Whole, unwatched

from ..module_tree import quantizable_layers, weight_of

if TYPE_CHECKING:
    from decoding import LanguageModel, Tokenizer


TOKENS = 16_384
"""Tokens to calibrate with, if nothing else is said."""


@dataclass(frozen=True)
class Calibration:
    """Of every linear layer's inputs x the mean of x xᵀ, [in, in], by the layer's name, and how many there were.

    An error D in the weights makes the mean squared error of the outputs tr(D M Dᵀ): all that rounding needs to know.
    """

    moments: Mapping[str, Float[Tensor, "in in"]]
    tokens: int


def calibrate(model: nn.Module, inputs: Iterable[Any], *, progress: Progress = unwatched) -> Calibration:
    """Call `model` with each of `inputs` (it is in evaluation mode meanwhile) and keep what its linear layers saw. Each
    input is a step of `progress`.

    Raises ValueError where they saw fewer inputs than the widest of them has channels: rounding would learn by heart.
    """
    names: dict[int, str] = {}
    for name, layer in quantizable_layers(model):
        if weight_of(layer).ndim == 2:
            names.setdefault(id(weight_of(layer)), name)
    watch, given = _Watch(names), list(inputs)
    whole = Whole(len(given), progress)
    with evaluating(model), watch:
        for batch in given:
            model(batch)
            whole(1, 1)
    tokens = min(watch.counts.values(), default=0)
    widest = max((len(moment) for moment in watch.sums.values()), default=1)
    if tokens < widest:
        raise ValueError(
            f"calibration: wanted at least {widest:,} tokens (channels of the widest layer), got {tokens:,}; "
            f"give a longer text, of the kind that the model will read"
        )
    return Calibration({name: total / watch.counts[name] for name, total in watch.sums.items()}, tokens)


def calibrate_on_text(
    model: "LanguageModel",
    tokenizer: "Tokenizer",
    text: str,
    *,
    tokens: int = TOKENS,
    rows: int = 8,
    progress: Progress = unwatched,
) -> Calibration:
    """`calibrate` on windows of n_ctx tokens, `tokens` of them together, spread evenly over a text, `rows` at a time.

    Raises ValueError where `tokens` is too small, or the text too short, for a window and for the widest layer.
    """
    needed, why = tokens_needed(model)  # type: ignore[arg-type]
    if tokens < needed:
        raise ValueError(f"tokens: wanted at least {needed:,} ({why}), got {tokens:,}; {TOKENS:,} are usual")
    ids = torch.tensor(tokenizer.encode(text))
    if len(ids) < needed:
        raise ValueError(
            f"calibration: wanted a text of at least {needed:,} tokens ({why}), got {len(ids):,}; "
            f"give a longer one, of the kind that the model will read"
        )
    inputs = windows(ids, model.n_ctx, tokens).split(rows)
    return calibrate(model, inputs, progress=progress)  # type: ignore[arg-type]


def tokens_needed(model: nn.Module) -> tuple[int, str]:
    """Tokens that `calibrate_on_text` wants of a text at least, in whole windows, and why."""
    n_ctx: int = model.n_ctx  # type: ignore[assignment]
    widest = max((m.in_features for _, m in quantizable_layers(model) if isinstance(m, nn.Linear)), default=1)
    needed = -(-widest // n_ctx) * n_ctx
    return needed, f"windows of {n_ctx:,}, a widest layer of {widest:,} channels"


def windows(ids: Int[Tensor, " N"], length: int, tokens: int) -> Int[Tensor, "R T"]:
    """Rows of `length` ids, of about `tokens` ids together, as far apart as the text allows."""
    if len(ids) < length:
        raise ValueError(
            f"calibration: wanted at least {length:,} tokens (n_ctx), got {len(ids):,}; give a longer text"
        )
    rows = max(1, min(tokens // length, len(ids) // length))
    starts = torch.linspace(0, len(ids) - length, rows).long()
    return ids[starts[:, None] + torch.arange(length)]


class _Watch(TorchFunctionMode):
    """Adds up x xᵀ of every product with a watched weight, whoever computes it: a tied head is no module of its own."""

    def __init__(self, names: Mapping[int, str]) -> None:
        super().__init__()
        self.names = names
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is linear and len(args) > 1 and (name := self.names.get(id(args[1]))) is not None:
            x = args[0].detach().flatten(0, -2).float()
            self.sums[name] = self.sums.get(name, 0) + x.T @ x
            self.counts[name] = self.counts.get(name, 0) + len(x)
        return func(*args, **(kwargs or {}))
