"""What quantizing a language model costs, measured: a table and the worst layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jaxtyping import Int
from torch import Tensor

from .calibration import Calibration, windows
from .conversion import quantize
from .divergence import Divergence, divergences
from .layer_costs import LayerCost, sensitivity
from .schemes import Scheme
from .sizes import bytes_of

if TYPE_CHECKING:
    from gpt2 import GPT2


@dataclass(frozen=True)
class Row:
    """One way of holding the model."""

    name: str
    n_bytes: int
    perplexity: float
    divergence: Divergence
    worst: tuple[LayerCost, ...] = ()


@dataclass(frozen=True)
class CostReport:
    """The model in float32, and by every scheme."""

    rows: tuple[Row, ...]

    def __str__(self) -> str:
        """A table in Markdown."""
        base = self.rows[0]
        lines = [
            "| scheme | MB | of float32 | perplexity | change | same next token | nats a token | worst layers (nats) |",
            "|---|---:|---:|---:|---:|---:|---:|---|",
        ]
        for row in self.rows:
            change, d = row.perplexity / base.perplexity - 1, row.divergence
            worst = ", ".join(f"{cost.layer} ({cost.divergence.nats:.2g})" for cost in row.worst[:3])
            lines.append(
                f"| {row.name} | {row.n_bytes / 1e6:.1f} | {row.n_bytes / base.n_bytes:.1%} | {row.perplexity:.3f} | "
                f"{change:+.2%} | {d.agreement:.2%} | {d.nats:.2g} | {worst} |"
            )
        return "\n".join(lines)


def cost_report(
    model: "GPT2",
    ids: Int[Tensor, " N"],
    schemes: Mapping[str, str | Scheme | Mapping[str, str | Scheme]],
    *,
    calibration: Calibration | None = None,
    layers: bool = True,
    sample: int = 2,
) -> CostReport:
    """What each of `schemes` (by the name that it is to have) does to a model on a held-out text.

    ids: the text; all of it is scored by `decoding.perplexity`, in windows of n_ctx that do not overlap.
    layers: also quantize every layer alone, on `sample` windows of the text, to find the worst.
    """
    from decoding import perplexity

    def row(name: str, small: "GPT2", worst: Sequence[LayerCost]) -> Row:
        score = perplexity(small, ids, stride=model.n_ctx, context=model.n_ctx)
        return Row(name, bytes_of(small), score, divergences(model, {name: small}, pieces)[name], tuple(worst))

    pieces = list(windows(ids, model.n_ctx, len(ids)))
    rows = [row("float32", model, ())]
    for name, how in schemes.items():
        small = quantize(model, how, calibration=calibration)
        single = isinstance(how, str | Scheme) and layers
        worst = sensitivity(model, pieces[:sample], str(how), calibration=calibration) if single else []
        rows.append(row(name, small, worst))
    return CostReport(tuple(rows))
