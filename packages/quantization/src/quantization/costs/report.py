"""What quantizing a language model costs, measured: a table and the worst layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jaxtyping import Int
from torch import Tensor

from workbench import Progress, Whole, unwatched

from ..conversion import plan_of, quantize
from ..module_tree import bytes_of
from ..rounding.calibration import Calibration, windows
from ..schemes import Scheme
from .divergence import Divergence, batches, divergences
from .layer_costs import LayerCost, costs_alone, steps_alone

if TYPE_CHECKING:
    from gpt2 import GPT2


@dataclass(frozen=True)
class Line:
    """One way of holding the model."""

    name: str
    n_bytes: int
    perplexity: float
    divergence: Divergence
    worst: tuple[LayerCost, ...] = ()


@dataclass(frozen=True)
class CostReport:
    """The model in float32, and by every scheme."""

    rows: tuple[Line, ...]

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
    progress: Progress = unwatched,
) -> CostReport:
    """What each of `schemes` (by the name that it is to have) does to a model on a held-out text.

    ids: the text; all of it is scored by `evaluation.perplexity`, in windows of n_ctx that do not overlap.
    layers: also quantize every layer alone, on `sample` windows of the text, to find the worst.
    All quantized models exist at the same time, so that the model in float reads the text once for all of them.
    """
    from evaluation import perplexity

    def score(one: "GPT2") -> float:
        found = perplexity(one, ids, stride=model.n_ctx, context=model.n_ctx)
        whole(1, 1)
        return found

    pieces = list(windows(ids, model.n_ctx, len(ids)))
    plans = {name: plan_of(model, how) for name, how in schemes.items()}
    alone = [name for name, how in schemes.items() if layers and isinstance(how, str | Scheme)]
    steps = [len(plan) for plan in plans.values()]
    steps += [steps_alone(plans[name], pieces[:sample]) for name in alone]
    steps += [(1 + len(schemes)) * (1 + len(batches(pieces)))]
    whole = Whole(sum(steps), progress)
    scores = {"float32": score(model)}
    models, worst = {}, {}
    for name, how in schemes.items():
        small = models[name] = quantize(model, how, calibration=calibration, progress=whole)
        scores[name] = score(small)
        if name in alone:
            worst[name] = tuple(costs_alone(model, small, plans[name], pieces[:sample], whole))
    found = divergences(model, models, pieces, progress=whole)
    unchanged = Divergence(0.0, 1.0, sum(map(len, pieces)))
    rows = [Line("float32", bytes_of(model), scores["float32"], unchanged)]
    rows += [Line(n, bytes_of(m), scores[n], found[n], worst.get(n, ())) for n, m in models.items()]
    return CostReport(tuple(rows))
