"""Pixels of any picture as bytes: 0 is black and 255 is white, whatever depth and transparency its file has.

Pillow's own `convert` cuts off what is above 255, so that 16-bit pictures come out white, and forgets transparency, so
that ink on nothing comes out as black on black.
"""

from typing import Any

import numpy as np

from workbench import require

MODES = ("L", "RGB", "LA", "RGBA")
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
MOST_PIXELS = 2**26 + 2**25  # 100 megapixels, 300 MB in color: a file of kilobytes can claim more
TIFF_BITS, TIFF_MEANING, WHITE_IS_ZERO = 258, 262, 0


def check_size(image: Any) -> None:
    """ValueError for an opened image of more pixels than memory should be made ready for."""
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise ValueError(f"it has {width} x {height} pixels, wanted at most {MOST_PIXELS:,}: make it smaller")


def eight_bits(image: Any, mode: str) -> Any:
    """A Pillow image in `mode` with 8 bits a channel; transparent parts over white where `mode` has no transparency.

    16-bit gray is scaled; other whole numbers and floating-point numbers have no agreed white.

    Raises:
        ValueError: pixels of such a kind, or another mode.
    """
    if mode not in MODES:
        raise ValueError(f"wanted one of the modes {', '.join(MODES)}, got {mode!r}; L is gray")
    if image.mode in SIXTEEN_BITS or (image.mode == "I" and image.format in ("PNG", "PPM")):
        image = _sixteen_bits(image)
    if image.mode.startswith(("I", "F")):
        raise ValueError(
            f"its pixels are of kind {image.mode!r}, whose white is nowhere said: save it with 8 or 16 bits"
        )
    if mode in ("L", "RGB") and image.has_transparency_data:
        image = image.convert("RGBA")
        white = require("PIL.Image", "dataio", "images").new("RGBA", image.size, "white")
        white.alpha_composite(image)
        image = white
    return image.convert(mode)


def _sixteen_bits(image: Any) -> Any:
    """The same in 8 bits: 65535 (4095 of 12 bits) becomes 255."""
    tags = getattr(image, "tag_v2", {})
    most = 2 ** int(tags.get(TIFF_BITS, (16,))[0]) - 1
    values = np.asarray(image).astype(np.int64)
    clear = values == image.info["transparency"] if isinstance(image.info.get("transparency"), int) else None
    gray = np.minimum((values * 255 + most // 2) // most, 255).astype(np.uint8)
    if tags.get(TIFF_MEANING) == WHITE_IS_ZERO:
        gray = 255 - gray
    if clear is not None:
        gray[clear] = 255
    return require("PIL.Image", "dataio", "images").fromarray(gray)
