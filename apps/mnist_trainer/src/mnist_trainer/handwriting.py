"""Any drawing of a digit, made to look like the images that a network learned from: light ink, equal size, centered."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from dataio import read_image

FAINTEST = 0.1
"""Least difference of ink from paper, of 1 from black to white."""
TRACE = 0.2
"""Ink that is lighter than this fraction of the darkest does not count for where the digit is."""


@dataclass(frozen=True)
class Framing:
    """How digits lie in a data set's images."""

    size: int
    """Side of the images in pixels."""
    box: int
    """The longer side of a digit in pixels."""
    by_mass: bool
    """Whether the ink's center of mass is in the middle; otherwise the middle of the digit's box is."""


MNIST_FRAMING = Framing(size=28, box=20, by_mass=True)
"""As the note at the end of LeCun, Cortes and Burges' MNIST page describes it."""
DIGITS_FRAMING = Framing(size=8, box=8, by_mass=False)
"""scikit-learn's digits fill their images from top to bottom."""


def read_drawing(path: Path, framing: Framing) -> Float[Tensor, "1 S S"]:
    """Read an image file of one digit: dark on light or light on dark, of any size, anywhere, transparent or not.

    Raises ValueError for a file that is no image or shows no ink, FileNotFoundError for a missing one; names the file.
    """
    try:
        return frame(ink_of(read_image(path, "LA")), framing)
    except ValueError as error:
        raise error if str(path) in str(error) else ValueError(f"{path}: {error}") from None


def ink_of(image: UInt8[Tensor, "2 H W"]) -> Float[Tensor, "H W"]:
    """Gray and opacity to ink from 0 (paper) to 1 (the strongest ink). Paper is what most of the border shows."""
    gray, opacity = (image.float() / 255).unbind()
    if opacity.min() < 1:  # laid on the paper that shows it best: white, unless the drawing itself is light
        is_light = (gray * opacity).sum() > opacity.sum() / 2
        gray = gray * opacity + (0.0 if is_light else 1.0) * (1 - opacity)
    paper = torch.cat([gray[0], gray[-1], gray[:, 0], gray[:, -1]]).median()
    darker, lighter = (paper - gray).clamp(min=0), (gray - paper).clamp(min=0)
    ink = darker if darker.sum() >= lighter.sum() else lighter
    if ink.max() < FAINTEST:
        raise ValueError(
            f"wanted ink that differs from the paper by at least {FAINTEST:.0%}, got {float(ink.max()):.1%}: the image "
            "looks empty; draw one digit on plain paper, with some paper around it"
        )
    return ink / ink.max()


def frame(ink: Float[Tensor, "H W"], framing: Framing) -> Float[Tensor, "1 S S"]:
    """Cut the digit out, scale it to the framing's box, and put it in the middle of an empty image."""
    rows, columns = ((ink > TRACE).any(axis).nonzero().flatten() for axis in (1, 0))
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = framing.box / max(digit.shape)
    sides = [max(1, round(side * scale)) for side in digit.shape]
    digit = interpolate(digit[None, None], size=sides, mode="bilinear", antialias=True)[0, 0]
    digit = (digit / digit.max()).clamp(0, 1)  # thin strokes fade when they shrink
    top, left = (_start(digit.sum(1 - axis), framing) for axis in (0, 1))
    framed = torch.zeros(1, framing.size, framing.size)
    framed[0, top : top + sides[0], left : left + sides[1]] = digit
    return framed


def _start(profile: Float[Tensor, " L"], framing: Framing) -> int:
    """Where a digit with this much ink in each row (or column) begins, so that its center is the image's."""
    places = torch.arange(len(profile), dtype=torch.float32)
    # MNIST's centers of mass lie in the pixel that is numbered 14 from 0, half a pixel past the middle of 28.
    start = framing.size / 2 - float((places * profile).sum() / profile.sum())
    start = start if framing.by_mass else (framing.size - len(profile)) / 2
    return min(max(0, round(start)), framing.size - len(profile))
