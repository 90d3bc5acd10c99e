"""L(N, D) = E + A / N^a + B / D^b for N parameters and D tokens (Hoffmann et al. 2022, arXiv 2203.15556, equation 2).

For given exponents the other three numbers follow by least squares, so a grid over pairs of exponents finds where to
begin, and steps of least squares end it. How sure the fit is the bootstrap says, over the residuals.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EXPONENTS = np.geomspace(0.03, 3.0, 60)
RESAMPLES = 400
FEWEST = 6
"""Runs below which five numbers are not fitted."""
WIDE = 4.0
"""An exponent whose interval spans more than such a factor is not identified."""
Numbers = Sequence[float] | Sequence[int] | np.ndarray


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

    def predict(self, n: int | float, d: int | float) -> tuple[float, float, float]:
        """Loss at N parameters and D tokens, with the 95 % interval of one run there."""
        all_of = _loss(self.resamples, n, d) + self.residual * np.random.default_rng(1).standard_normal(
            len(self.resamples)
        )
        low, high = np.quantile(all_of, [0.025, 0.975])
        return float(_loss(self.parameters[None], n, d)[0]), float(low), float(high)


def _loss(p: np.ndarray, n: int | float, d: int | float) -> np.ndarray:
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
    logs = np.log(n / n0), np.log(d / d0)
    best = _refined(_best(designs, inverses, y[:, None], pairs), *logs, y[None])
    fitted = _law(best, *logs)[0]
    rest = y - fitted
    spread = np.sqrt(len(y) / max(1, len(y) - 5))
    draws = np.random.default_rng(seed)
    drawn = fitted[:, None] + spread * rest[draws.integers(len(y), size=(len(y), RESAMPLES))]
    found = _refined(_best(designs, inverses, drawn, pairs), *logs, drawn.T)
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


def _law(p: np.ndarray, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The loss by each row of parameters at logarithms of N and D."""
    return p[:, :1] + p[:, 1:2] * np.exp(-p[:, 2:3] * x) + p[:, 3:4] * np.exp(-p[:, 4:] * z)


def _refined(p: np.ndarray, x: np.ndarray, z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Levenberg's and Marquardt's steps from the best of the grid, for all rows at once; a step that does not help, or
    leaves what is allowed, is not taken."""
    damping = np.full(len(p), 1e-3)
    for _ in range(60):
        fa, fb = np.exp(-p[:, 2:3] * x), np.exp(-p[:, 4:] * z)
        rest = y - _law(p, x, z)
        slopes = np.stack([np.ones_like(fa), fa, -p[:, 1:2] * x * fa, fb, -p[:, 3:4] * z * fb], axis=2)
        square = np.einsum("mri,mrj->mij", slopes, slopes)
        damped = square + (damping[:, None] * np.einsum("mii->mi", square) + 1e-12)[:, :, None] * np.eye(5)
        new = p + np.linalg.solve(damped, np.einsum("mri,mr->mi", slopes, rest)[:, :, None])[:, :, 0]
        allowed = (new >= 0).all(1) & (new[:, [2, 4]] >= EXPONENTS[0]).all(1) & (new[:, [2, 4]] <= EXPONENTS[-1]).all(1)
        with np.errstate(over="ignore", invalid="ignore"):
            better = allowed & (((y - _law(new, x, z)) ** 2).sum(1) < (rest**2).sum(1))
        p = np.where(better[:, None], new, p)
        damping = np.clip(np.where(better, damping / 3, damping * 4), 1e-9, 1e9)
    return p
