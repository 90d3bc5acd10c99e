"""Matrices made semi-orthogonal, or even: what Muon does to an update before it takes it.

Method: Keller Jordan, "Muon: An optimizer for hidden layers in neural networks" (2024).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # steep at zero: five rounds take any singular value from 0.01 up to about 1
FITTED = (
    (8.3837, -24.7660, 18.3572),
    (4.0435, -3.0115, 0.5695),
    (3.5056, -2.6267, 0.5257),
    (2.4901, -1.8343, 0.4368),
)
"""Four rounds that take any singular value from 0.003 up to 0.8 to 1.2: each ax + bx^3 + cx^5 is the one nearest to 1
over the interval that the rounds before leave (Polar Express, Amsel et al., arXiv 2505.16932)."""

RESTART = 3
"""Rounds after which the Gram form multiplies its matrix out in 16 bits: later its small eigenvalues are lost."""


def orthogonalise(
    matrices: Float[Tensor, "N R C"], rounds: int = 5, *, gram: bool = False, fitted: bool = False
) -> Float[Tensor, "N R C"]:
    """Push all singular values of each matrix to about 1 (0.7 to 1.2), keeping its singular vectors.

    Newton-Schulz rounds X <- aX + (bA + cA^2)X with A = XX', only matrix products. bfloat16, whose precision is enough,
    on CUDA and where `torch.set_float32_matmul_precision("medium")` allows it; else float32, for bfloat16 products
    crawl on a CPU without hardware for them.

    gram: the rounds work on A alone, which is small where a matrix is long, and their product Q is applied to X at the
    end (the Gram form of Dao's lab, also in DeepSpeed and optax): the same up to rounding, in fewer operations. Square
    matrices, for which it has more, are done in the plain form.

    fitted: the four rounds of `FITTED`, whatever `rounds` says.
    """
    steps = FITTED if fitted else (COEFFICIENTS,) * rounds
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices  # the wide form has the smaller A
    # Frobenius norm >= spectral norm, so every singular value starts in [0, 1].
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    allowed = torch.backends.mkldnn.matmul.fp32_precision  # type: ignore[attr-defined]  # made at run time
    x = x.to(torch.bfloat16 if x.device.type == "cuda" or allowed == "bf16" else x.dtype)
    if gram and 2 * x.shape[1] <= x.shape[2]:
        at_once = len(steps) if x.dtype != torch.bfloat16 else RESTART
        for start in range(0, len(steps), at_once):
            x = torch.bmm(_product(torch.bmm(x, x.mT), steps[start : start + at_once]), x)
    else:
        for a, b, c in steps:
            square = torch.bmm(x, x.mT)
            x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype)


def _product(square: Float[Tensor, "N R R"], steps: Sequence[tuple[float, float, float]]) -> Float[Tensor, "N R R"]:
    """The matrix by which these rounds multiply X, from A = XX': each is P = aI + bA + cA^2, and leaves A as PAP."""
    whole = None
    for number, (a, b, c) in enumerate(steps, start=1):
        step = torch.baddbmm(square, square, square, beta=b, alpha=c)
        step.diagonal(dim1=1, dim2=2).add_(a)
        whole = step if whole is None else torch.bmm(step, whole)
        if number < len(steps):
            square = torch.bmm(torch.bmm(step, square), step)
    assert whole is not None
    return whole


def evened(
    updates: Float[Tensor, "N R C"], squares: Float[Tensor, "N L"], beta: float = 0.95
) -> tuple[Float[Tensor, "N R C"], Float[Tensor, "N L"]]:
    """Updates whose vectors along the longer side (L of them; rows of a square) have been made equally long over time,
    and the running mean squares that say how long they were.

    Each vector is divided by the root of its running mean square, then the whole matrix is scaled back to the length
    that it had. Orthogonal matrices leave the L vectors uneven: some neurons would always move more than others
    (NorMuon, Li et al., arXiv 2510.05491, algorithm 1, for the longer side as in modded-nanogpt).
    """
    across = 2 if updates.shape[1] >= updates.shape[2] else 1
    squares = squares.lerp(updates.square().mean(across), 1 - beta)
    scaled = updates / squares.sqrt().clamp(min=1e-10).unsqueeze(across)
    length, now = (x.norm(dim=(1, 2), keepdim=True) for x in (updates, scaled))
    return scaled * (length / now.clamp(min=1e-10)), squares
