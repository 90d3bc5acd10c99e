"""How loss falls with size and tokens: isoFLOP runs, a fit with its uncertainty, and one prediction that is tried.

L(N, D) = E + A / N^a + B / D^b for N parameters and D tokens (Hoffmann et al. 2022, arXiv 2203.15556, equation 2). For
given exponents the other three follow by least squares, so the fit is a search over pairs of exponents; its uncertainty
is the bootstrap's, over the residuals.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..plans import Plan, Run, resolved_recipe
from ..results import Result

EXPONENTS = np.geomspace(0.03, 3.0, 60)
RESAMPLES = 400
FEWEST = 6
"""Runs below which five numbers are not fitted."""
LARGER = 4
"""The run that is predicted has so many times the largest budget."""
WIDE = 4.0
"""An exponent whose interval spans more than such a factor is not identified."""
Numbers = Sequence[float] | Sequence[int] | np.ndarray
Runner = Callable[[Plan], Sequence[Result]]


@dataclass(frozen=True)
class Fit:
    """E, A, a, B, b in bits per byte, and the same of every resample."""

    parameters: np.ndarray
    """[5]"""
    resamples: np.ndarray
    """[resamples, 5]"""
    residual: float
    """Standard deviation of the runs around the fit."""

    def interval(self, name: str) -> tuple[float, float]:
        """The middle 95 % of E, a or b."""
        low, high = np.quantile(self.resamples[:, {"E": 0, "a": 2, "b": 4}[name]], [0.025, 0.975])
        return float(low), float(high)

    @property
    def unidentified(self) -> list[str]:
        """Which of a and b these runs do not tell: the interval spans a factor of `WIDE`, or reaches an end of what was
        tried."""
        found = []
        for name in ("a", "b"):
            low, high = self.interval(name)
            if high / low > WIDE or low <= EXPONENTS[0] * 1.01 or high >= EXPONENTS[-1] * 0.99:
                found.append(name)
        return found

    def predict(self, n: float, d: float) -> tuple[float, float, float]:
        """Loss at N parameters and D tokens, with the 95 % interval of one run there."""
        all_of = _loss(self.resamples, n, d) + self.residual * np.random.default_rng(1).standard_normal(
            len(self.resamples)
        )
        low, high = np.quantile(all_of, [0.025, 0.975])
        return float(_loss(self.parameters[None], n, d)[0]), float(low), float(high)


def _loss(p: np.ndarray, n: float, d: float) -> np.ndarray:
    return p[:, 0] + p[:, 1] * n ** -p[:, 2] + p[:, 3] * d ** -p[:, 4]


def fit(sizes: Numbers, tokens: Numbers, losses: Numbers, seed: int = 0) -> Fit:
    """Fit the law to runs. ValueError for fewer than `FEWEST`, and for runs of one size or one number of tokens."""
    n, d, y = (np.asarray(values, dtype=np.float64) for values in (sizes, tokens, losses))
    if len(y) < FEWEST:
        raise ValueError(f"wanted at least {FEWEST} runs to fit five numbers, got {len(y)}; add sizes or budgets")
    if len(set(n)) < 3 or len(set(d)) < 3:
        raise ValueError(
            f"wanted at least 3 sizes and 3 numbers of tokens, got {len(set(n))} and {len(set(d))}; add some"
        )
    n0, d0 = np.exp(np.log(n).mean()), np.exp(np.log(d).mean())  # centered: then A and B are of the size of the losses
    pairs = np.array([(a, b) for a in EXPONENTS for b in EXPONENTS])
    designs = np.stack(
        [np.ones((len(pairs), len(y))), (n / n0) ** -pairs[:, :1], (d / d0) ** -pairs[:, 1:]], axis=2
    )  # [pairs, runs, 3]
    inverses = np.linalg.pinv(designs)
    best = _best(designs, inverses, y[:, None], pairs)
    fitted = best[0, 0] + best[0, 1] * (n / n0) ** -best[0, 2] + best[0, 3] * (d / d0) ** -best[0, 4]
    rest = y - fitted
    spread = np.sqrt(len(y) / max(1, len(y) - 5))
    draws = np.random.default_rng(seed)
    drawn = fitted[:, None] + spread * rest[draws.integers(len(y), size=(len(y), RESAMPLES))]
    found = _best(designs, inverses, drawn, pairs)
    for p in (best, found):  # back to N and D as they are
        p[:, 1] *= n0 ** p[:, 2]
        p[:, 3] *= d0 ** p[:, 4]
    return Fit(best[0], found, float(np.sqrt((rest**2).sum() / max(1, len(y) - 5))))


def _best(designs: np.ndarray, inverses: np.ndarray, losses: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """E, A, a, B, b for each column of losses, by the pair of exponents with the smallest error of those whose E, A
    and B are not negative."""
    linear = np.einsum("pkr,rm->pkm", inverses, losses)  # [pairs, 3, columns]
    errors = ((np.einsum("prk,pkm->prm", designs, linear) - losses) ** 2).sum(1)
    errors = np.where((linear >= 0).all(1), errors, np.inf)
    chosen = errors.argmin(0)
    columns = np.arange(losses.shape[1])
    e, a, b = (linear[chosen, k, columns] for k in range(3))
    return np.stack([e, a, pairs[chosen, 0], b, pairs[chosen, 1]], axis=1)


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
    if len({(one.recipe, one.text) for one in plan.runs}) != 1:
        raise ValueError(
            f"[scale]: wanted one recipe and one text, got a plan of {len(plan.runs)} runs; leave others out"
        )
    runs = {(c, w): _run(one, w, c) for c in table["budgets"] for w in table["widths"] for one in plan.runs[:1]}
    results = list(run(_part(plan, list(runs.values()))))
    good = [one for one in results if one.bits_per_byte is not None]
    found = fit([r.parameters for r in good], [r.tokens for r in good], [r.bits_per_byte or 0.0 for r in good])
    by_key = {one.key: one for one in good}
    best = {}
    for c in table["budgets"]:
        mine = {w: by_key[runs[c, w].key] for w in table["widths"] if runs[c, w].key in by_key}
        best[float(c)] = min(mine, key=lambda w: mine[w].bits_per_byte or 0.0)
    large = _run(plan.runs[0], best[float(max(table["budgets"]))], LARGER * max(table["budgets"]))
    shape = resolved_recipe(large.base, large.changes)
    tokens = shape.steps * shape.batch_size * shape.config.n_ctx
    ids = shape.config.replace(n_vocab=_n_vocab(good[0]))
    predicted = found.predict(ids.n_parameters, tokens)
    everything = run(_part(plan, [*runs.values(), large]))
    [measured] = [one for one in everything if one.key == large.key]
    return Outcome(results, found, best, predicted, measured)


def _part(plan: Plan, runs: list[Run]) -> Plan:
    return dataclasses.replace(plan, name=f"{plan.name}: scale", runs=tuple(runs))


def _run(one: Run, width: int, budget: float) -> Run:
    """A run of this width that takes so many floating-point operations, in as many steps as that is."""
    changed = {**one.changes, "n_embd": width}
    shape = resolved_recipe(one.base, {**changed, "n_head": 1, "steps": 1, "warmup": 0})
    heads = max(h for h in range(1, max(1, width // 16) + 1) if width % h == 0)
    step = shape.config.flops_per_token() * shape.batch_size * shape.config.n_ctx
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
