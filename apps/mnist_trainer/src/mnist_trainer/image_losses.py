"""What is made small, and what is counted, in trainkit's form: a sum and a count."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def image_loss(model: torch.nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
    """Summed cross-entropy of a batch in nats, and how many images it has."""
    images, labels = batch
    return cross_entropy(model(images), labels, reduction="sum"), len(labels)


def n_wrong(model: torch.nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
    """Wrong answers in a batch, and how many images it has: evaluated like a loss, it gives the error rate."""
    images, labels = batch
    return (model(images).argmax(1) != labels).sum(), len(labels)
