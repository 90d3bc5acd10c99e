"""The IDX format of MNIST: two zero bytes, a type code, the number of dimensions, their sizes, then the numbers.

Source: the format note at the end of LeCun, Cortes and Burges' MNIST page; sizes and numbers are big-endian.
"""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | Path) -> np.ndarray:
    """Read an IDX file, gzipped or not (told by its content), as an array of its own shape and type.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not an IDX file, cut short, too long, or a damaged gzip stream.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"wanted an IDX file, but {path} does not exist; check the path")
    data = _unzipped(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES:
        raise ValueError(
            f"wanted an IDX file (it begins 00 00 08), {path} begins {data[:4].hex(' ')}; download it again"
        )
    header = 4 + 4 * data[3]
    if len(data) < header:
        raise ValueError(
            f"wanted {data[3]} sizes after the first 4 bytes of {path}, got {len(data)} bytes in all; {AGAIN}"
        )
    shape = struct.unpack(f">{data[3]}I", data[4:header])
    dtype = np.dtype(TYPES[data[2]])
    wanted = header + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if len(data) != wanted:
        raise ValueError(f"wanted {wanted} bytes for shape {shape} of {path}, got {len(data)}; {AGAIN}")
    return np.frombuffer(data, dtype, offset=header).reshape(shape).astype(dtype.newbyteorder("="))


AGAIN = "the file was cut short or changed: copy or download it again"


def _unzipped(path: Path) -> bytes:
    data = path.read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"wanted a whole gzip file, but {path} is damaged ({error}); {AGAIN}") from error
