"""How loss falls with size and tokens: isoFLOP runs, a fit with its uncertainty, and one prediction that is tried."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..facts import Run
from ..plans import Plan
from ..results import Result
from .law import Fit, fit

LARGER = 4
"""The run that is predicted has so many times the largest budget."""
Runner = Callable[[Plan], Sequence[Result]]


@dataclass(frozen=True)
class Outcome:
    """What `experiments scale` found."""

    results: list[Result]
    fit: Fit
    best_width: dict[float, int]
    """For each budget, the width that reached the lowest loss."""
    predicted: tuple[float, float, float]
    measured: Result

    @property
    def held(self) -> bool:
        """Whether the run of four times the compute came out within the interval that was predicted before."""
        bits = self.measured.bits_per_byte
        return bits is not None and self.predicted[1] <= bits <= self.predicted[2]


def scale(plan: Plan, run: Runner) -> Outcome:
    """The runs of the grid, the fit, and the run that it predicts. run: does the runs of a plan."""
    table = plan.tables.get("scale")
    if not table:
        raise ValueError(f"[scale]: wanted a table with widths and budgets, got none in plan {plan.name}; add one")
    for name in table:
        if name not in ("widths", "budgets"):
            raise ValueError(f"scale.{name}: wanted widths and budgets, got another field; leave it out")
    for name in ("widths", "budgets"):
        values = table.get(name)
        if not isinstance(values, list) or len(values) < 2 or not all(_positive(one) for one in values):
            raise ValueError(f"scale.{name}: wanted at least two numbers above 0, got {values!r}; list them")
    if not all(isinstance(width, int) for width in table["widths"]):
        raise ValueError(f"scale.widths: wanted whole numbers, got {table['widths']!r}; round them")
    if len({(one.recipe, one.text) for one in plan.runs}) != 1:
        raise ValueError(
            f"[scale]: wanted one recipe and one text, got a plan of {len(plan.runs)} runs; leave others out"
        )
    runs = {(c, w): _run(one, w, c) for c in table["budgets"] for w in table["widths"] for one in plan.runs[:1]}
    results = list(run(_part(plan, "all sizes and budgets", list(runs.values()))))
    good = [one for one in results if one.bits_per_byte is not None]
    found = fit([r.parameters for r in good], [r.tokens for r in good], [r.bits_per_byte or 0.0 for r in good])
    by_key = {one.key: one for one in good}
    best = {}
    for c in table["budgets"]:
        mine = {w: by_key[runs[c, w].key] for w in table["widths"] if runs[c, w].key in by_key}
        best[float(c)] = min(mine, key=lambda w: mine[w].bits_per_byte or 0.0)
    large = _run(plan.runs[0], best[float(max(table["budgets"]))], LARGER * max(table["budgets"]))
    shape = large.resolved
    tokens = shape.windows_from() * shape.config.n_ctx
    ids = shape.config.replace(n_vocab=_n_vocab(good[0]))
    predicted = found.predict(ids.n_parameters, tokens)
    everything = run(_part(plan, f"the run of {LARGER} times the compute", [*runs.values(), large]))
    [measured] = [one for one in everything if one.key == large.key]
    return Outcome(results, found, best, predicted, measured)


def _part(plan: Plan, what: str, runs: list[Run]) -> Plan:
    return dataclasses.replace(plan, name=f"{plan.name}: {what}", runs=tuple(runs))


def _run(one: Run, width: int, budget: float) -> Run:
    """A run of this width that takes so many floating-point operations, in as many steps as that is."""
    changed = {**one.changes, "n_embd": width}
    shape = dataclasses.replace(one, changes={**changed, "n_head": 1, "steps": 1, "warmup": 0}).resolved
    heads = max(h for h in range(1, max(1, width // 16) + 1) if width % h == 0)
    step = shape.config.flops_per_token() * shape.batch_size * (1 - shape.batch_ramp / 2) * shape.config.n_ctx
    steps = max(1, round(budget / step))
    warmup = {"warmup": min(max(1, steps // 10), max(0, steps - 1))}
    name = f"w{width}-c{budget:.3g}".replace("+", "").replace(".", "_")
    return dataclasses.replace(one, recipe=name, changes={**changed, "n_head": heads, "steps": steps, **warmup})


def _n_vocab(one: Result) -> int:
    """The ids that the model had, from its parameters: V C + T C + L (12 C² + 13 C) + 2 C."""
    config = one.facts["recipe"]["config"]
    c, t, layers = config["n_embd"], config["n_ctx"], config["n_layer"]
    return round((one.parameters - t * c - layers * (12 * c * c + 13 * c) - 2 * c) / c)


def _positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def told(outcome: Outcome) -> str:
    """The runs, the law, and whether its prediction held."""
    lines = [f"{'BUDGET':>9}  {'WIDTH':>5}  {'PARAMETERS':>10}  {'TOKENS':>10}  BITS/BYTE"]
    for one in outcome.results:
        bits = "failed" if one.bits_per_byte is None else f"{one.bits_per_byte:.4f}"
        width = one.facts["recipe"]["config"]["n_embd"]
        lines.append(f"{one.flops:9.2e}  {width:>5}  {one.parameters:>10,}  {one.tokens:>10,}  {bits:>9}")
    p, fitted = outcome.fit.parameters, outcome.fit
    lines += ["", "L = E + A / N^a + B / D^b, in bits per byte, with 95 % intervals"]
    for name, value in (("E", p[0]), ("a", p[2]), ("b", p[4])):
        low, high = fitted.interval(name)
        told = "  not identified by these runs" if name in fitted.unidentified else ""
        lines.append(f"  {name}  {value:.3f}  ({low:.3f} to {high:.3f}){told}")
    widths = sorted({one.facts["recipe"]["config"]["n_embd"] for one in outcome.results})
    for budget, width in outcome.best_width.items():
        end = {widths[0]: "smallest", widths[-1]: "largest"}.get(width)
        lines.append(f"  best width at {budget:.2e} operations: {width}{f', the {end} tried' if end else ''}")
    value, low, high = outcome.predicted
    measured = outcome.measured.bits_per_byte
    got = "failed" if measured is None else f"{measured:.4f}"
    verdict = "within" if outcome.held else "outside"
    lines += [
        "",
        f"Predicted before it was run: {value:.4f} ({low:.4f} to {high:.4f}) at {LARGER} times the largest budget, "
        f"width {outcome.measured.facts['recipe']['config']['n_embd']}",
        f"Measured: {got}, {verdict} the interval",
    ]
    return "\n".join(lines)


def as_data(outcome: Outcome) -> dict[str, Any]:
    """The same as JSON."""
    p, fitted = outcome.fit.parameters, outcome.fit
    law = {
        name: {"value": float(p[k]), "interval": fitted.interval(name)} for name, k in (("E", 0), ("a", 2), ("b", 4))
    }
    return {
        "law": law,
        "unidentified": fitted.unidentified,
        "best_width": {f"{budget:g}": width for budget, width in outcome.best_width.items()},
        "predicted": dict(zip(("value", "low", "high"), outcome.predicted, strict=True)),
        "measured": outcome.measured.bits_per_byte,
        "held": outcome.held,
    }
