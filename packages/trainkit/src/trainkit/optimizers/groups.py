"""Optimizers with parameter groups by rule: matrices decay, vectors do not."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from inspect import unwrap
from typing import Any

import torch
from torch import Tensor, nn

from .checks import check_betas, check_decay, check_rate
from .light import LightOptimizer
from .muon import Muon

FUSED_ON = {"cpu", "cuda", "mps"}


def decay_groups(named: Iterable[tuple[str, nn.Parameter]], weight_decay: float) -> list[dict[str, Any]]:
    """Two groups: tensors of two and more dimensions decay; biases and gains, whose size carries meaning, do not."""
    check_decay(weight_decay)
    trained = [parameter for _, parameter in named if parameter.requires_grad]
    matrices = [parameter for parameter in trained if parameter.ndim >= 2]
    vectors = [parameter for parameter in trained if parameter.ndim < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def adamw(
    model: nn.Module, learning_rate: float, *, weight_decay: float = 0.1, betas: tuple[float, float] = (0.9, 0.95)
) -> torch.optim.AdamW:
    """torch's AdamW (arXiv 1711.05101) over `decay_groups`, fused where the device has it.

    Tied parameters are counted once. The defaults are those of GPT-3 (arXiv 2005.14165, appendix B).
    """
    check_rate("learning_rate", learning_rate)
    check_betas(betas)
    groups = decay_groups(_trained(model), weight_decay)
    for group in groups:
        group["initial_lr"] = learning_rate
    fused = all(parameter.device.type in FUSED_ON for group in groups for parameter in group["params"])
    return LightAdamW(groups, lr=learning_rate, betas=betas, fused=fused)


class LightAdamW(LightOptimizer, torch.optim.AdamW):
    """torch's AdamW, which starts sooner."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """As torch's, for parameters that are trained without gradients of the update itself."""
        return unwrap(torch.optim.AdamW.step)(self, closure)


def is_hidden_matrix(name: str, parameter: Tensor) -> bool:
    """A matrix that is, by its name, neither an embedding nor an output head: what Muon is meant for."""
    parts = name.lower().split(".")
    edges = {"head", "lm_head", "wte", "wpe"}
    return parameter.ndim == 2 and not any("embed" in part or part in edges for part in parts)


def muon(
    model: nn.Module,
    learning_rate: float,
    *,
    adam_learning_rate: float,
    weight_decay: float = 0.1,
    is_matrix: Callable[[str, Tensor], bool] = is_hidden_matrix,
    betas: tuple[float, float] = (0.9, 0.95),
    gram: bool = False,
    fitted: bool = False,
    even: bool = False,
    pieces: Callable[[str], int] | None = None,
    cautious: bool = False,
    lookahead: float = 0.0,
    horizon: float = 0.0,
) -> Muon:
    """One optimizer: Muon for the parameters that `is_matrix(name, parameter)` picks, AdamW for all others.

    Both rates can be AdamW's usual ones, because Muon's update is scaled to the root mean square of AdamW's.
    gram, fitted: as in `orthogonalise`; gram is the same step in fewer operations. even: as in `evened`, for Muon's
    matrices. pieces(name): how many matrices of equal size a parameter is, one above the other, each with an update of
    its own (default: one). cautious: decay only what an update moves toward zero, for all. lookahead, horizon: as in
    `Muon`, for all.
    """
    check_rate("learning_rate", learning_rate)
    check_rate("adam_learning_rate", adam_learning_rate)
    check_betas(betas)
    named = _trained(model)
    matrices: dict[int, list[nn.Parameter]] = defaultdict(list)
    for name, parameter in named:
        if is_matrix(name, parameter):
            matrices[pieces(name) if pieces else 1].append(parameter)
    if not matrices:
        raise ValueError(f"wanted a matrix for Muon, is_matrix picked none of {[name for name, _ in named]}; use adamw")
    picked = {id(parameter) for members in matrices.values() for parameter in members}
    rest = decay_groups([(name, p) for name, p in named if id(p) not in picked], weight_decay)
    how = {
        "kind": "muon",
        "lr": learning_rate,
        "weight_decay": weight_decay,
        "gram": gram,
        "fitted": fitted,
        "even": even,
    }
    groups = [{"params": members, "pieces": count, **how} for count, members in sorted(matrices.items())]
    groups += [{**group, "kind": "adam", "lr": adam_learning_rate, "betas": betas} for group in rest]
    for group in groups:
        group |= {"cautious": cautious, "lookahead": lookahead, "horizon": horizon if lookahead else 0.0}
        group["initial_lr"] = group["lr"]
    return Muon(groups)


def _trained(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    if not named:
        raise ValueError(
            "wanted a model with parameters to train, got none; is everything frozen (requires_grad False)?"
        )
    return named
