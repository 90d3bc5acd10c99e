"""Many dimensions laid out in two, and an honest number for how much of the structure survived."""

import logging
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from workbench import require

from ..measures import require_finite
from .choices import METHODS, Method

SAMPLE = 2000  # points that trustworthiness looks at: it sorts all their distances
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Projection:
    """`coordinates` [N, dimensions] and what they kept: `trustworthiness`, 0 to 1, is how far neighbors in the picture
    are neighbors in truth (1: all are); `explained_variance`, 0 to 1, is PCA's share of the spread (else None)."""

    coordinates: Float[np.ndarray, "N K"]
    method: Method
    trustworthiness: float
    explained_variance: float | None = None

    def __str__(self) -> str:
        spread = "" if self.explained_variance is None else f", {self.explained_variance:.0%} of the variance"
        return f"{self.method}: trustworthiness {self.trustworthiness:.2f}{spread}"


def project(
    vectors: Float[Tensor, "N C"],
    method: Method = "pca",
    *,
    dimensions: int = 2,
    seed: int = 0,
    neighbours: int | None = None,
) -> Projection:
    """Lay out `vectors` in `dimensions` by PCA, t-SNE or UMAP; the same seed gives the same coordinates, bit for bit.

    `neighbours` is t-SNE's perplexity (30 by default, fewer for few points) or UMAP's n_neighbors (15): how many points
    count as near. Trustworthiness looks at 5 neighbors (Venna and Kaski 2001; scikit-learn's) of all points, or of
    2,000 drawn by the seed. t-SNE and UMAP report how far they are to the logger `embeddings.pictures.projections`, at
    level INFO. Needs the extra `plots` (ImportError). ValueError for vectors that are not finite, fewer than three
    points, all points alike, or `neighbours` that the number of points does not allow.
    """
    points = checked(vectors, method, dimensions, neighbours)
    explained = None
    if method == "pca":
        pca = require("sklearn.decomposition", "embeddings", "plots").PCA(
            dimensions, svd_solver="covariance_eigh" if wide(points) else "full"
        )
        coordinates = pca.fit_transform(points)
        explained = float(pca.explained_variance_ratio_.sum())
    else:
        coordinates = unfolded(points, method, dimensions, seed, neighbours)
    return Projection(np.asarray(coordinates, dtype=np.float32), method, trust(points, coordinates, seed), explained)


def checked(vectors: Tensor, method: str, dimensions: int, neighbours: int | None) -> np.ndarray:
    if method not in METHODS:
        raise ValueError(f"wanted a method of {', '.join(METHODS)}, got {method!r}; pca is the fast one")
    require_finite(vectors, "vectors")
    n = len(vectors)
    if vectors.ndim != 2 or n < 3 or not 1 <= dimensions <= min(n - 1, vectors.shape[1]):
        raise ValueError(
            "wanted at least 3 points, and dimensions below their number and width, got vectors "
            f"{list(vectors.shape)} and {dimensions} dimensions; pass more points or fewer dimensions"
        )
    if neighbours is not None and not 2 <= neighbours < n:
        raise ValueError(f"wanted neighbours from 2 to {n - 1} for {n} points, got {neighbours}; ask for fewer")
    points = vectors.detach().cpu().float().numpy()
    if (points == points[0]).all():
        raise ValueError(f"wanted points that differ, got {n} times the same; there is nothing to lay out")
    return points


def wide(points: np.ndarray) -> bool:
    """Many more points than channels: the small covariance matrix holds all that PCA needs."""
    return len(points) > 10 * points.shape[1]


def unfolded(points: np.ndarray, method: Method, dimensions: int, seed: int, neighbours: int | None) -> np.ndarray:
    n, verbose = len(points), logger.isEnabledFor(logging.INFO)
    model: Any
    if method == "tsne":
        perplexity = neighbours or min(30, max(2, (n - 1) // 3))
        # Barnes-Hut knows up to three dimensions; one thread, for sums in another order are other sums.
        algorithm = "barnes_hut" if dimensions < 4 else "exact"
        model = require("sklearn.manifold", "embeddings", "plots").TSNE(
            dimensions, perplexity=perplexity, random_state=seed, n_jobs=1, verbose=2 * verbose, method=algorithm
        )
    else:
        with warnings.catch_warnings():  # its import speaks of optional parts that nobody asked for
            warnings.simplefilter("ignore")
            umap = require("umap", "embeddings", "plots")
        # The spectral start needs more points than dimensions + 1; a seed means one thread, and no warning about it.
        start = "spectral" if n > dimensions + 2 else "random"
        model = umap.UMAP(
            n_neighbors=neighbours or min(15, n - 1),
            n_components=dimensions,
            random_state=seed,
            n_jobs=1,
            init=start,
            verbose=verbose,
        )
    with warnings.catch_warnings(), redirect_stdout(LoggedLines()):
        warnings.simplefilter("ignore")
        return model.fit_transform(points)


def trust(points: np.ndarray, coordinates: np.ndarray, seed: int) -> float:
    if len(points) > SAMPLE:
        chosen = np.random.default_rng(seed).choice(len(points), SAMPLE, replace=False)
        points, coordinates = points[chosen], coordinates[chosen]
    near = min(5, (len(points) - 1) // 2)
    return float(
        require("sklearn.manifold", "embeddings", "plots").trustworthiness(points, coordinates, n_neighbors=near)
    )


class LoggedLines(StringIO):
    """What a library prints goes to the log instead, a record for each line."""

    def write(self, text: str) -> int:
        if text.strip():
            logger.info("%s", text.strip())
        return len(text)
