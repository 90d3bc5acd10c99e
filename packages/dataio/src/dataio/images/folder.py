"""Your own labeled images: one folder for each class."""

import warnings
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from workbench import require

from .pixels import check_size, eight_bits

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")


class ImageFolder:
    """Dataset of (image, label) from `root/CLASS/**/image.png`; images are decoded when they are read.

    An image is uint8 "C H W" in its own size; use a transform to make sizes equal. Labels count the class folders in
    alphabetical order (`classes`). Hidden files and files that are no images by their suffix are left out.

    Args:
        root: the folder of the class folders.
        mode: what Pillow converts to: "L" gives C = 1 (gray), "RGB" C = 3.

    Raises:
        FileNotFoundError: no such folder, no class folders, or a class without images.
        ValueError: while reading, an image is corrupt; names its file.
    """

    def __init__(self, root: str | Path, mode: str = "L") -> None:
        root = Path(root)
        if not root.is_dir():
            raise FileNotFoundError(f"wanted a folder with one folder per class, but {root} is none; check the path")
        folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
        if not folders:
            raise FileNotFoundError(
                f"wanted one folder per class in {root}, got none; sort the images into {root}/CLASS/"
            )
        self.classes = tuple(folder.name for folder in folders)
        self.mode = mode
        self.paths: list[Path] = []
        self.labels: list[int] = []
        for label, folder in enumerate(folders):
            found = sorted(path for path in folder.rglob("*") if _is_image(path))
            if not found:
                raise FileNotFoundError(
                    f"wanted images ({' '.join(IMAGE_SUFFIXES)}) in {folder}, got none; add some or remove the folder"
                )
            self.paths += found
            self.labels += [label] * len(found)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[UInt8[Tensor, "C H W"], int]:
        return read_image(self.paths[index], self.mode), self.labels[index]


def read_image(path: str | Path, mode: str = "L") -> UInt8[Tensor, "C H W"]:
    """Decode an image file, upright as its camera meant it, in Pillow's `mode` ("L" gray, "RGB" color): 0 is black, 255
    white, whatever its depth (see `pixels`).

    Raises:
        FileNotFoundError: no such file.
        ValueError: it cannot be decoded, has pixels without an agreed white, or more than 100 million of them.
    """
    pillow, operations = require("PIL.Image", "dataio", "images"), require("PIL.ImageOps", "dataio", "images")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pillow.DecompressionBombWarning)  # eight_bits is stricter
            with pillow.open(path) as image:
                check_size(image)  # before anything is decoded
                operations.exif_transpose(image, in_place=True)
                pixels = np.array(eight_bits(image, mode))
    except FileNotFoundError:
        raise FileNotFoundError(f"wanted an image, but {path} does not exist; check the path") from None
    except Exception as error:  # Pillow has no class of errors for damaged files
        raise ValueError(
            f"wanted an image that can be decoded, but {path} is not: {error}; replace the file"
        ) from error
    return torch.from_numpy(pixels).reshape(*pixels.shape[:2], -1).permute(2, 0, 1).contiguous()


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
