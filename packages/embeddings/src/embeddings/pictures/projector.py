"""Files for the TensorBoard projector, where a cloud of vectors is turned and searched by hand."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench import require

from ..measures import require_finite

SPRITE_SIDE = 8192  # pixels: browsers refuse larger textures


def export_projector(
    folder: str | Path,
    vectors: Float[Tensor, "N C"],
    metadata: Mapping[str, Sequence[str]],
    *,
    images: Float[Tensor, "N H W"] | None = None,
) -> Path:
    """Write vectors.tsv, metadata.tsv, sprites.png and projector_config.pbtxt, and return the folder.

    Open it with `tensorboard --logdir FOLDER` and choose Projector. `metadata` maps a column's name to its N values,
    {"word": words} for labels alone. `images` of 0 to 1, a small one for each vector, are shown in place of points and
    need the extra `plots`. A tab or line break in a value becomes a space; files of the same names are replaced.
    ValueError for vectors that are not finite, columns of another length, no column, or images that do not fit the
    8,192 pixels of a sprite sheet.
    """
    require_finite(vectors, "vectors")
    wrong = {name: len(values) for name, values in metadata.items() if len(values) != len(vectors)}
    if wrong or not metadata:
        raise ValueError(
            f"wanted metadata columns of {len(vectors)} values, at least one, got {wrong or 'none'}; "
            "pass one value for each vector"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines = ['  tensor_path: "vectors.tsv"', '  metadata_path: "metadata.tsv"']
    if images is not None:
        lines.append(write_sprites(folder / "sprites.png", images, len(vectors)))
    np.savetxt(folder / "vectors.tsv", vectors.detach().float().cpu().numpy(), fmt="%.9g", delimiter="\t")
    (folder / "metadata.tsv").write_text(metadata_table(metadata), "utf-8")
    shape = "".join(f"\n  tensor_shape: {size}" for size in vectors.shape)
    text = "\n".join(['embeddings {\n  tensor_name: "embeddings"' + shape, *lines, "}", ""])
    (folder / "projector_config.pbtxt").write_text(text, "utf-8")
    return folder


def metadata_table(metadata: Mapping[str, Sequence[str]]) -> str:
    """A line for each vector; a first line of names only with two columns or more, as the projector expects."""
    columns = [[" ".join(str(value).split()) or "-" for value in values] for values in metadata.values()]
    rows = list(zip(*columns, strict=True))
    header = [tuple(metadata)] if len(metadata) > 1 else []
    return "".join("\t".join(row) + "\n" for row in [*header, *rows])


def write_sprites(path: Path, images: Tensor, n_vectors: int) -> str:
    """One square sheet of all images, row by row; returns the lines that tell the projector of it."""
    n, height, width = images.shape
    side = math.ceil(math.sqrt(n))
    if n != n_vectors or side * max(height, width) > SPRITE_SIDE:
        raise ValueError(
            f"wanted {n_vectors} images whose square sheet is at most {SPRITE_SIDE} pixels wide, got {n} of "
            f"{height} x {width}; pass one for each vector, or smaller ones"
        )
    sheet = torch.zeros(side * side, height, width)
    sheet[:n] = images.detach().float().cpu().clamp(0, 1)
    sheet = sheet.reshape(side, side, height, width).transpose(1, 2).reshape(side * height, side * width)
    require("matplotlib.image", "embeddings", "plots").imsave(path, sheet.numpy(), cmap="gray", vmin=0, vmax=1)
    size = f"    single_image_dim: {width}\n    single_image_dim: {height}"
    return f'  sprite {{\n    image_path: "{path.name}"\n{size}\n  }}'
