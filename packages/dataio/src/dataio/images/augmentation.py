"""Changes that leave a digit the same digit: a little turned, moved, scaled and slanted. Never mirrored."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from ..reading import uniform


@dataclass(frozen=True)
class AffineAugmentation:
    """Random affine change of a whole batch at once, for `Augmented`; each image's numbers come from its key.

    The same family as `torchvision.transforms.v2.RandomAffine` with bilinear interpolation, and much faster on small
    images. No mirror images and no large angles: a mirrored 2 is no digit, and a 6 turned around is a 9.

    Attributes:
        degrees: turns by up to this much either way.
        translate: moves by up to this fraction of the image's width and height.
        scale: grows or shrinks by up to this fraction.
        shear: slants by up to this many degrees.
    """

    degrees: float = 12.0
    translate: float = 0.08
    scale: float = 0.12
    shear: float = 8.0

    def draw(self, keys: np.ndarray) -> Float32[Tensor, "B 5"]:
        """For each key (" B"): angle and shear in degrees, move right and down as fractions, factor of size."""
        spread = torch.tensor([self.degrees, self.shear, self.translate, self.translate, self.scale])
        return (2.0 * uniform(keys, 5) - 1.0) * spread + torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0])

    def __call__(self, images: Float[Tensor, "B C H W"], keys: np.ndarray) -> Float[Tensor, "B C H W"]:
        return move_pixels(images, self.draw(keys))


def move_pixels(images: Float[Tensor, "B C H W"], changes: Float32[Tensor, "B 5"]) -> Float[Tensor, "B C H W"]:
    """Apply each row of `changes` (as `AffineAugmentation.draw` gives them) to its image; outside is 0.

    Same conventions as torchvision's `affine`: out = move(center + rotate(angle) slant(shear) size (in - center)).
    """
    height, width = images.shape[-2:]
    angle, shear = changes[:, 0] * (math.pi / 180), changes[:, 1] * (math.pi / 180)
    cosine, sine, slant = angle.cos(), angle.sin(), shear.tan()
    # grid_sample asks where each output pixel comes from: the inverse map, in units of half the image.
    inverse = torch.stack([cosine - slant * sine, sine + slant * cosine, -sine, cosine], 1) / changes[:, 4:]
    inverse = inverse.view(-1, 2, 2)
    pixels = torch.tensor([width, height])
    origin = -inverse @ (changes[:, 2:4] * pixels).unsqueeze(2)
    aspect = torch.tensor([[1.0, height / width], [width / height, 1.0]])
    theta = torch.cat([inverse * aspect, origin * 2.0 / pixels[:, None]], 2).to(images.dtype)
    grid = affine_grid(theta, list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
