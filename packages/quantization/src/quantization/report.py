"""What quantizing a language model costs, measured: a table and the worst layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import torch
from jaxtyping import Int
from torch import Tensor

from .calibration import Calibration, windows
from .conversion import plan_of, quantize
from .divergence import Divergence, batches, divergences
from .layer_costs import LayerCost, costs_alone, steps_alone
from .progress import Progress, Whole, unwatched
from .schemes import Scheme
from .sizes import bytes_of

if TYPE_CHECKING:
    from gpt2 import GPT2

TOKENS_PER_STEP = 2048


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
    progress: Progress = unwatched,
) -> CostReport:
    """What each of `schemes` (by the name that it is to have) does to a model on a held-out text.

    ids: the text; all of it is scored as by `decoding.perplexity`, in windows of n_ctx that do not overlap.
    layers: also quantize every layer alone, on `sample` windows of the text, to find the worst.
    All quantized models exist at the same time, so that the model in float reads the text once for all of them.
    """
    pieces = list(windows(ids, model.n_ctx, len(ids)))
    plans = {name: plan_of(model, how) for name, how in schemes.items()}
    alone = [name for name, how in schemes.items() if layers and isinstance(how, str | Scheme)]
    steps = [len(plan) for plan in plans.values()]
    steps += [steps_alone(plans[name], pieces[:sample]) for name in alone]
    steps += [(1 + len(schemes)) * (steps_of_perplexity(model, ids) + len(batches(pieces)))]
    whole = Whole(sum(steps), progress)
    scores = {"float32": perplexity(model, ids, whole)}
    models, worst = {}, {}
    for name, how in schemes.items():
        small = models[name] = quantize(model, how, calibration=calibration, progress=whole)
        scores[name] = perplexity(small, ids, whole)
        if name in alone:
            worst[name] = tuple(costs_alone(model, small, plans[name], pieces[:sample], whole))
    found = divergences(model, models, pieces, progress=whole)
    unchanged = Divergence(0.0, 1.0, sum(map(len, pieces)))
    rows = [Row("float32", bytes_of(model), scores["float32"], unchanged)]
    rows += [Row(n, bytes_of(m), scores[n], found[n], worst.get(n, ())) for n, m in models.items()]
    return CostReport(tuple(rows))


def perplexity(model: "GPT2", ids: Int[Tensor, " N"], progress: Progress = unwatched) -> float:
    """`decoding.perplexity` in windows of n_ctx that do not overlap; some of them are a step of `progress`."""
    from decoding import TokenScores, score_tokens

    scores, whole = [], Whole(steps_of_perplexity(model, ids), progress)
    for part in parts_of(model, ids):
        scores.append(score_tokens(model, part, stride=model.n_ctx, context=model.n_ctx))
        whole(1, 1)
    windows_of_all = tuple(chain.from_iterable(score.windows for score in scores))
    return TokenScores(torch.cat([score.nats for score in scores]), windows_of_all).perplexity


def steps_of_perplexity(model: "GPT2", ids: Int[Tensor, " N"]) -> int:
    """Steps of progress that `perplexity` takes."""
    return len(parts_of(model, ids))


def parts_of(model: "GPT2", ids: Int[Tensor, " N"]) -> list[Int[Tensor, " T"]]:
    """A text in parts of some windows, each with the token after it, which is the first of the next part."""
    length = max(TOKENS_PER_STEP // model.n_ctx, 1) * model.n_ctx
    return [ids[start : start + length + 1] for start in range(0, len(ids) - 1, length)]
