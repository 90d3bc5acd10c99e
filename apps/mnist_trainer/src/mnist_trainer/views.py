"""An image read nine times: as it is, and a little turned, slanted and scaled each way. The answer is their mean.

What a network gets wrong it often gets wrong by little, and reads right when the digit leans the other way. It has
learned from digits that were moved much further (`training.AUGMENTATION`), so none of the views is new to it.
"""

from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

from dataio import move_pixels

from .digit_net import DigitNet

DEGREES, SHEAR, SCALE = 6.0, 7.0, 0.06
"""How far a view is turned and slanted, in degrees, and how much it is scaled."""
VIEWS = torch.tensor(
    [(0.0, 0.0, 0.0, 0.0, 1.0)]
    + [(a * DEGREES, b * SHEAR, 0.0, 0.0, 1.0 + c * SCALE) for a, b, c in product((-1, 1), repeat=3)]
)
"""Each a row as `dataio.AffineAugmentation.draw` gives them."""


def probabilities(model: DigitNet, images: Float[Tensor, "B 1 H W"]) -> Float[Tensor, "B K"]:
    """Of each class, the mean over all views."""
    total = torch.zeros(len(images), model.n_classes, device=images.device)
    for number, change in enumerate(VIEWS):
        moved = move_pixels(images.cpu(), change.expand(len(images), 5)).to(images.device) if number else images
        total += model(moved).softmax(1)
    return total / len(VIEWS)
