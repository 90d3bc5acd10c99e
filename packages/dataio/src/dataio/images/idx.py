"""The IDX format of MNIST: two zero bytes, a type code, the number of dimensions, their sizes, then the numbers.

Source: the format note at the end of LeCun, Cortes and Burges' MNIST page; sizes and numbers are big-endian.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
AGAIN = "the file was cut short or changed: copy or download it again"
DEFLATED = 1032  # bytes that gzip can say in one
MOST_AXES, MOST_BYTES = 32, 2**48  # of an array with a size of 0, whose other sizes take up nothing


def read_idx(path: str | Path) -> np.ndarray:
    """Read an IDX file, gzipped or not (told by its content), as an array of its own shape and type.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not an IDX file, cut short, too long, or a damaged gzip stream.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"wanted an IDX file, but {path} does not exist; check the path")
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    most = path.stat().st_size * (DEFLATED if zipped else 1)  # bytes that the file can hold
    with gzip.open(path) if zipped else path.open("rb") as file:
        try:
            return _array(file, path, most)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"wanted a whole gzip file, but {path} is damaged ({error}); {AGAIN}") from error


def _array(file: Any, path: Path, most: int) -> np.ndarray:
    """What an open file holds. Nothing is made room for before its header was found to fit the file."""
    begin = file.read(4)
    if len(begin) < 4 or begin[:2] != b"\0\0" or begin[2] not in TYPES:
        raise ValueError(f"wanted an IDX file (it begins 00 00 08), {path} begins {begin.hex(' ')}; download it again")
    sizes = file.read(4 * begin[3])
    if len(sizes) < 4 * begin[3] or begin[3] > MOST_AXES:
        raise ValueError(
            f"wanted {begin[3]} sizes (at most {MOST_AXES}) after the first 4 bytes of {path}, got "
            f"{4 + len(sizes)} bytes in all; {AGAIN}"
        )
    shape = struct.unpack(f">{begin[3]}I", sizes)
    dtype = np.dtype(TYPES[begin[2]])
    header, n_bytes = 4 + len(sizes), math.prod(shape) * dtype.itemsize
    if n_bytes > most or math.prod(filter(None, shape)) > MOST_BYTES:
        raise ValueError(f"wanted {header + n_bytes} bytes for shape {shape} of {path}, got a file too short; {AGAIN}")
    data = file.read(n_bytes + 1)
    if len(data) == n_bytes + 1:
        raise ValueError(f"wanted {header + n_bytes} bytes for shape {shape} of {path}, got more; {AGAIN}")
    if len(data) < n_bytes:
        raise ValueError(
            f"wanted {header + n_bytes} bytes for shape {shape} of {path}, got {header + len(data)}; {AGAIN}"
        )
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))
