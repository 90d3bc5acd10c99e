"""How alike vectors are, and how alike two whole embeddings are."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def nearest_rows(
    queries: Float[Tensor, "Q C"],
    vectors: Float[Tensor, "N C"],
    k: int,
    *,
    without: Int[Tensor, "Q E"] | None = None,
    block_bytes: int = 32 * 2**20,
) -> tuple[Int[Tensor, "Q K"], Float[Tensor, "Q K"]]:
    """(rows, cosine similarities) of the k vectors nearest to each query, nearest first: exact, by comparing all.

    Queries are taken in blocks whose similarities fill about `block_bytes`, and nothing is copied, so that 100,000
    vectors of width 300 stay under 500 MB. `without` names rows that do not count for a query (itself, say). A vector
    of zeros has similarity 0 to everything. ValueError for vectors that are not finite, or k above what is left.
    """
    for name, table in {"queries": queries, "vectors": vectors}.items():
        require_finite(table, name)
    left = len(vectors) - (0 if without is None else without.shape[1])
    if not 1 <= k <= left:
        raise ValueError(f"wanted k from 1 to {left}, the vectors that count, got {k}; ask for fewer neighbors")
    lengths = vectors.norm(dim=-1).clamp_min(torch.finfo(vectors.dtype).tiny)
    size = max(1, block_bytes // (len(vectors) * vectors.element_size()))
    found = []
    for start in range(0, len(queries), size):
        directions = torch.nn.functional.normalize(queries[start : start + size], dim=-1)
        similarities = (directions @ vectors.T).div_(lengths)
        if without is not None:
            similarities.scatter_(1, without[start : start + size], -torch.inf)
        found.append(similarities.topk(k))
    return torch.cat([block.indices for block in found]), torch.cat([block.values for block in found])


def linear_cka(first: Float[Tensor, "N C"], second: Float[Tensor, "N D"]) -> float:
    """How alike two embeddings of the same N things are, 0 to 1; 1 when they differ by rotation, scale and shift only.

    Linear centered kernel alignment (Kornblith et al. 2019, "Similarity of Neural Network Representations Revisited",
    section 3), in the form that needs C x D numbers instead of N x N, in double precision. ValueError for another
    number of rows, one row, rows all alike, or numbers that are not finite.
    """
    if len(first) != len(second) or len(first) < 2:
        raise ValueError(
            f"wanted two embeddings of the same things, at least two, got shapes {list(first.shape)} and "
            f"{list(second.shape)}; keep the rows that both have, in the same order"
        )
    for name, table in {"first": first, "second": second}.items():
        require_finite(table, name)
    x, y = (table.double() - table.double().mean(dim=0) for table in (first, second))
    scale = (x.T @ x).norm() * (y.T @ y).norm()
    if scale == 0:
        raise ValueError("wanted rows that differ, got an embedding whose rows are all alike; compare another")
    return float((y.T @ x).norm() ** 2 / scale)


def require_finite(vectors: Tensor, name: str) -> None:
    """ValueError that names the first row with NaN or infinity."""
    broken = ~vectors.isfinite().all(dim=-1)
    if bool(broken.any()):
        raise ValueError(
            f"wanted finite {name}, got NaN or infinity in {int(broken.sum())} of {len(vectors)} rows, first in row "
            f"{int(broken.int().argmax())}; find where training diverged, or drop these rows"
        )
