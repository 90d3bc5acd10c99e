"""Weights as text that a page can hold: rounded, packed, and spelled in base64.

Matrices lie with a row an output, as `nn.Linear` has them. What is written is read back by `front/bytes.js`.
"""

import base64
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

LEVELS = 127
"""Whole numbers from -127 to 127 in a group of int8."""
GROUP = 32
"""Weights of a row that share a scale in int8, where rows are cut in such groups without a rest: with one scale a row,
a loud weight makes the whole row coarse."""
GRID = 16
"""Steps on each side of zero on the grid of earlier checkpoints: enough to watch a model learn, and small."""


class Shape(NamedTuple):
    """Name and size of a tensor; a vector has 0 rows. As a triple it stands in the page."""

    name: str
    rows: int
    columns: int


def shapes_of(state: Mapping[str, Tensor]) -> list[Shape]:
    """The shapes of all tensors, in the order in which they are packed: matrices, then vectors."""
    shapes = [Shape(name, len(t) if t.ndim == 2 else 0, t.shape[-1]) for name, t in state.items()]
    return sorted(shapes, key=lambda shape: shape.rows == 0)


def packed_float16(state: Mapping[str, Tensor]) -> bytes:
    """All tensors in 16-bit floats, of each the low bytes before the high ones (which are alike, and pack well).

    ValueError for a weight that 16 bits cannot hold."""
    return packed(b"".join(_halves(state[shape.name], shape.name) for shape in shapes_of(state)))


def packed_int8(state: Mapping[str, Tensor]) -> bytes:
    """Matrices as whole numbers, the largest of each group 127; then the scale of each group and all vectors in
    float32."""
    whole, scales, vectors = b"", b"", b""
    for name, rows, columns in shapes_of(state):
        values = _numbers(state[name])
        if rows:
            values = values.reshape(-1, group(columns))
            scale = _scale(np.abs(values).max(axis=1), LEVELS)
            whole += on_grid(values, scale).tobytes()
            scales += scale.astype("<f4").tobytes()
        else:
            vectors += values.astype("<f4").tobytes()
    return packed(whole + scales + vectors)


def packed_states(states: Sequence[Mapping[str, Tensor]]) -> tuple[bytes, list[bytes]]:
    """Several states of one model, oldest first: the scales of a grid on which all of them lie, and of each what
    changed since the one before it, modulo 256, followed by its vectors in 16 bits."""
    matrices = [shape.name for shape in shapes_of(states[0]) if shape.rows]
    scales = {
        name: _scale(np.max([np.abs(_numbers(state[name])).max(axis=1) for state in states], axis=0), GRID)
        for name in matrices
    }
    written, before = [], np.zeros(1, dtype=np.uint8)
    for state in states:
        whole = np.concatenate([on_grid(_numbers(state[name]), scales[name]).reshape(-1) for name in matrices])
        vectors = b"".join(_halves(state[shape.name], shape.name) for shape in shapes_of(state) if not shape.rows)
        written.append(packed((whole.view(np.uint8) - before).tobytes() + vectors))
        before = whole.view(np.uint8)
    return packed(b"".join(scale.astype("<f4").tobytes() for scale in scales.values())), written


def rounded(state: Mapping[str, Tensor], kind: str) -> dict[str, Tensor]:
    """The tensors as a page of that kind ("float16", "int8") computes with them, in float32."""
    found = {}
    for name, tensor in state.items():
        if kind == "float16":
            found[name] = tensor.half().float()
        elif tensor.ndim == 2:
            groups = tensor.reshape(-1, group(tensor.shape[1]))
            scale = groups.abs().amax(dim=1, keepdim=True).div(LEVELS).clamp_min(1e-30)
            found[name] = ((groups / scale).round() * scale).reshape(tensor.shape)
        else:
            found[name] = tensor.float()
    return found


def group(columns: int) -> int:
    """How many weights of a row of that length share a scale."""
    return columns if columns % GROUP else GROUP


def on_grid(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The nearest whole number of steps to each value, a row a step, as int8."""
    return np.rint(values / scale[:, None]).astype(np.int8)


def packed(content: bytes) -> bytes:
    """zlib's format, whichever of two ways is smaller: weights are noise, in which nothing repeats but which has
    frequent and rare bytes; whole numbers that changed little repeat, too."""
    ways = (zlib.Z_HUFFMAN_ONLY, zlib.Z_DEFAULT_STRATEGY)
    return min((_compressed(content, way) for way in ways), key=len)


def spelled(content: bytes) -> str:
    """Base64, which has no character that means something in a page."""
    return base64.b64encode(content).decode("ascii")


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Whole numbers in ascending order as (first, last) of each unbroken run."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _compressed(content: bytes, strategy: int) -> bytes:
    way = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
    return way.compress(content) + way.flush()


def _numbers(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()


def _scale(largest: np.ndarray, levels: int) -> np.ndarray:
    return np.maximum(largest / levels, 1e-30).astype(np.float32)


def _halves(tensor: Tensor, name: str) -> bytes:
    values = _numbers(tensor)
    if not np.abs(values).max() <= np.finfo(np.float16).max:
        raise ValueError(
            f"{name}: wanted weights up to 65504, which 16 bits can hold, got one of {np.abs(values).max():g}; "
            f"pack the page with --int8, or look where training diverged"
        )
    pairs = values.astype("<f2").reshape(-1).view(np.uint8).reshape(-1, 2)
    return pairs.T.tobytes()
