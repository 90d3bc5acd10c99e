"""GRPO: what a group of answers to one prompt teaches by their rewards alone (Shao et al. 2024, arXiv 2402.03300)."""

import torch
from jaxtyping import Float
from torch import Tensor

SMALLEST_SPREAD = 1e-4
"""Added to the deviation of a group's rewards, as in the published implementations."""


def advantages(rewards: Float[Tensor, "P G"]) -> Float[Tensor, "P G"]:
    """How much better each of G answers is than the others to its prompt: (r - mean) / deviation. A group whose answers
    all got the same has nothing to teach, and gets zeros."""
    spread = rewards.std(dim=1, keepdim=True) if rewards.shape[1] > 1 else torch.zeros_like(rewards)
    return (rewards - rewards.mean(dim=1, keepdim=True)) / (spread + SMALLEST_SPREAD)


def clipped_objective(
    new: Float[Tensor, " N"], old: Float[Tensor, " N"], advantage: Float[Tensor, " N"], clip: float
) -> Float[Tensor, " N"]:
    """min(ratio A, clip(ratio, 1 - clip, 1 + clip) A) of each token, to be raised; ratio = exp(new - old) (Schulman et
    al. 2017, arXiv 1707.06347, equation 7). Beyond the bound a token that went the right way teaches nothing more."""
    ratio = (new - old).exp()
    return torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


def divergence(new: Float[Tensor, " N"], reference: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
    """How far the tokens are from the reference model, KL(new, reference) in nats: an estimate of each that is never
    negative, and right in the mean over what the model draws (Schulman 2020, "Approximating KL divergence", k3)."""
    difference = reference - new
    return difference.exp() - difference - 1
