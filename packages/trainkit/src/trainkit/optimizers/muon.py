"""Muon: momentum whose matrices are replaced by the nearest semi-orthogonal ones before the step.

Method: Keller Jordan, "Muon: An optimizer for hidden layers in neural networks" (2024); the update's scale:
Liu et al., "Muon is Scalable for LLM Training", arXiv 2502.16982, equation 4.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim.adamw import adamw as adamw_update

from ..processes.ranks import local, sharded_like, whole
from .checks import check_betas, check_decay, check_epsilon, check_lookahead, check_momentum, check_rate
from .light import LightOptimizer
from .orthogonal import evened, orthogonalise


class Muon(LightOptimizer):
    """Groups say their `kind`: "muon" (matrices; more dimensions are flattened behind the first) or "adam" (AdamW).

    A matrix moves by -lr (0.2 sqrt(max(rows, columns)) O + weight_decay W), O the orthogonalised Nesterov momentum: O's
    root mean square is 1 / sqrt(max(rows, columns)), so the factor gives the 0.2 that AdamW's updates usually have, and
    AdamW's learning rates carry over.

    A group may say more: `gram` and `fitted` (see `orthogonalise`), `even` (see `evened`), `pieces`: as how many
    matrices, one above the other, each of its parameters is updated, and `cautious`: decay only what the update moves
    toward zero, so that the two never pull against each other (Chen et al., arXiv 2510.12402, algorithm 1).

    horizon: keep the running mean of a weight's movement over about so many steps (0: none). After each step the weight
    moves on by `lookahead` of it, and the next step goes from there: x(t+1) = step(x(t) + lookahead m(t)), m(t+1) =
    m(t) + (x(t+1) - x(t) - m(t)) / horizon (EMA-Nesterov, arXiv 2605.25395). At 0 the weights are x itself.
    """

    def __init__(self, groups: list[dict[str, Any]]):
        defaults = {
            "kind": "muon",
            "lr": 3e-4,
            "weight_decay": 0.1,
            "momentum": 0.95,
            "gram": False,
            "fitted": False,
            "even": False,
            "pieces": 1,
            "cautious": False,
            "lookahead": 0.0,
            "horizon": 0.0,
            "betas": (0.9, 0.95),
            "eps": 1e-8,
        }
        super().__init__(groups, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As torch's; ValueError for values that no update can work with, and for vectors under "muon"."""
        super().add_param_group(param_group)
        try:
            _check_group(self.param_groups[-1])
        except ValueError:
            self.param_groups.pop()
            raise

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update from the gradients in `.grad`; parameters without one stay."""
        if closure is not None:
            raise TypeError("wanted step() after backward(), got a closure; compute the gradients before the call")
        for group in self.param_groups:
            trained = [parameter for parameter in group["params"] if parameter.grad is not None]
            gradients = [parameter.grad for parameter in trained if parameter.grad is not None]
            if trained:
                before = [local(p).clone() for p in trained] if group.get("horizon") else []
                (self._step_muon if group["kind"] == "muon" else self._step_adam)(trained, gradients, group)
                if before:
                    self._look_ahead(trained, before, group)

    def _look_ahead(self, parameters: list[Tensor], before: list[Tensor], group: dict[str, Any]) -> None:
        for p in parameters:
            if "drift" not in self.state[p]:
                self.state[p]["drift"] = torch.zeros_like(p)
        now, drifts = [local(p) for p in parameters], [local(self.state[p]["drift"]) for p in parameters]
        moved = torch._foreach_sub(now, before)
        torch._foreach_add_(moved, drifts, alpha=group.get("ahead", 0.0))  # from where it was without looking ahead
        torch._foreach_lerp_(drifts, moved, 1 / group["horizon"])
        torch._foreach_add_(now, drifts, alpha=group["lookahead"])
        group["ahead"] = group["lookahead"]

    def _step_muon(self, parameters: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> None:
        for p in parameters:
            if not self.state[p]:
                self.state[p]["momentum"] = torch.zeros_like(p)
        momenta = [self.state[p]["momentum"] for p in parameters]
        torch._foreach_lerp_([local(m) for m in momenta], [local(g) for g in gradients], 1 - group["momentum"])
        lookahead = [whole(g.lerp(m, group["momentum"])) for g, m in zip(gradients, momenta, strict=True)]
        decay, cautious = (
            group["lr"] * group["weight_decay"],
            group.get("cautious", False),
        )  # not in earlier checkpoints
        if not cautious:
            torch._foreach_mul_([local(p) for p in parameters], 1 - decay)
        pieces = group.get("pieces", 1)
        for members in _by_shape(lookahead).values():
            # One batched product for all matrices of a shape: fewer, larger products.
            matrices = torch.cat([lookahead[i].flatten(1).unflatten(0, (pieces, -1)) for i in members])
            targets = [parameters[i] for i in members]
            updates = orthogonalise(matrices, gram=group.get("gram", False), fitted=group.get("fitted", False))
            if group.get("even", False):
                updates = self._evened(targets, updates)
            size = -group["lr"] * 0.2 * math.sqrt(max(matrices.shape[1:]))
            whole_again = updates.unflatten(0, (-1, pieces))
            cut = [local(sharded_like(u.reshape(p.shape), p)) for u, p in zip(whole_again, targets, strict=True)]
            if cautious:
                _decay_cautiously([local(p) for p in targets], cut, decay)
            torch._foreach_add_([local(p) for p in targets], cut, alpha=size)

    def _evened(self, parameters: list[Tensor], updates: Float[Tensor, "N R C"]) -> Float[Tensor, "N R C"]:
        squares = [self.state[p].get("squares") for p in parameters]
        size = len(updates) // len(parameters) * max(updates.shape[1:])  # a mean for each vector of each piece
        stacked = torch.stack([updates.new_zeros(size) if s is None else s for s in squares])
        updates, means = evened(updates, stacked.view(len(updates), -1))
        for p, after in zip(parameters, means.view_as(stacked), strict=True):
            self.state[p]["squares"] = after.clone()
        return updates

    def _step_adam(self, parameters: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> None:
        for p in parameters:
            if not self.state[p]:
                self.state[p]["step"] = torch.zeros((), dtype=torch.float32, device=p.device)
                self.state[p]["exp_avg"] = torch.zeros_like(p)
                self.state[p]["exp_avg_sq"] = torch.zeros_like(p)
        beta1, beta2 = group["betas"]
        decay = group["weight_decay"]
        if decay and group.get("cautious", False):
            coming = [self.state[p]["exp_avg"].lerp(g, 1 - beta1) for p, g in zip(parameters, gradients, strict=True)]
            _decay_cautiously([local(p) for p in parameters], [local(m) for m in coming], group["lr"] * decay)
        adamw_update(
            [local(p) for p in parameters],
            [local(g) for g in gradients],
            [local(self.state[p]["exp_avg"]) for p in parameters],
            [local(self.state[p]["exp_avg_sq"]) for p in parameters],
            [],
            [self.state[p]["step"] for p in parameters],
            fused=all(p.device.type in ("cpu", "cuda", "mps") for p in parameters),
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group["lr"],
            weight_decay=0.0 if decay and group.get("cautious", False) else decay,
            eps=group["eps"],
            maximize=False,
        )


def _check_group(group: dict[str, Any]) -> None:
    if group["kind"] not in ("muon", "adam"):
        raise ValueError(f'wanted a group of kind "muon" or "adam", got {group["kind"]!r}; name the update to use')
    check_rate("lr", group["lr"], zero=True)
    check_decay(group["weight_decay"])
    check_betas(group["betas"])
    check_epsilon(group["eps"])
    check_momentum(group["momentum"])
    check_lookahead(group["lookahead"], group["horizon"])
    cut = [tuple(p.shape) for p in group["params"] if p.ndim and p.shape[0] % group["pieces"]]
    if group["pieces"] < 1 or cut:
        raise ValueError(
            f"wanted pieces of at least 1 that divide the rows of each matrix, got {group['pieces']} for {cut}; name "
            "the matrices that a parameter is made of"
        )
    vectors = [tuple(p.shape) for p in group["params"] if p.ndim < 2]
    if group["kind"] == "muon" and vectors:
        raise ValueError(f'wanted matrices in a group of kind "muon", got shapes {vectors}; put them under "adam"')


def _decay_cautiously(parameters: list[Tensor], directions: list[Tensor], decay: float) -> None:
    """Shrink each number whose direction, which is subtracted, has its sign."""
    pulled = [p * (u * p > 0) for p, u in zip(parameters, directions, strict=True)]
    torch._foreach_add_(parameters, pulled, alpha=-decay)


def _by_shape(tensors: Sequence[Tensor]) -> dict[tuple[int, ...], list[int]]:
    members: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index, tensor in enumerate(tensors):
        members[tuple(tensor.flatten(1).shape)].append(index)
    return members
