"""What TensorBoard shows of a run besides its curves: settings, graph, images, and how the weights spread."""

from dataclasses import asdict

import torch
from jaxtyping import Float
from torch import Tensor

from dataio import Batches
from trainkit import MetricsLog

from ..digit_net import DigitNet
from ..settings import Recipe

SHOWN = 32
"""Images in the picture of a batch at most."""


def show_beginning(metrics: MetricsLog, model: DigitNet, batches: Batches, recipe: Recipe) -> None:
    """Recipe, graph of the network, and the first batch as it is learned from; written once, not on resume."""
    if metrics.start > 0:
        return
    images = batches[0][0][0]
    metrics.hyper_parameters(asdict(recipe), ["validation_loss", "validation_accuracy"])
    metrics.graph(model, images[:1].to(next(model.parameters()).device))
    metrics.image(0, "first_batch", side_by_side(images[:SHOWN]))


def show_epoch(metrics: MetricsLog, number: int, model: DigitNet) -> None:
    """Histograms of the matrices, and the first convolution's 3 x 3 filters as a picture: light is positive."""
    matrices = [(name, weight) for name, weight in model.named_parameters() if weight.ndim > 1]
    metrics.histograms(number, matrices)
    filters = matrices[0][1].detach().cpu()
    enlarged = (filters / (2 * filters.abs().amax()) + 0.5).repeat_interleave(8, 2).repeat_interleave(8, 3)
    metrics.image(number, "first_filters", side_by_side(enlarged))


def side_by_side(images: Float[Tensor, "N 1 H W"], columns: int = 8) -> Float[Tensor, "1 Y X"]:
    """All images as one, row by row, a pixel apart; missing ones at the end are dark."""
    rows = -(-len(images) // columns)
    padded = torch.nn.functional.pad(images, (0, 1, 0, 1, 0, 0, 0, rows * columns - len(images)))
    grid = padded[:, 0].unflatten(0, (rows, columns)).transpose(1, 2)
    return grid.flatten(2).flatten(0, 1)[None]
