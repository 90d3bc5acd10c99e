"""Token ids on disk, in the format of llm.c (dev/data/data_common.py): a header of 256 int32, then the ids.

The header starts with magic number, version and count. 16-bit ids have magic 20240520 and version 1 (llm.c's
GPT-2 data), 32-bit ids magic 20240801 and version 7 (its Llama 3 data). Everything is little-endian.
"""

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench import whole_file

HEADER_BYTES = 256 * 4
MAX_TOKENS = 2**31 - 1  # the count is an int32
FORMATS: dict[int, tuple[int, np.dtype[Any]]] = {20240520: (1, np.dtype("<u2")), 20240801: (7, np.dtype("<u4"))}


def write_tokens(path: str | Path, tokens: np.ndarray | Sequence[int], n_vocab: int) -> None:
    """Write a 1-D array of ids below `n_vocab`: 2 bytes an id up to 65,536 ids, else 4.

    The file appears whole or not at all.

    Raises:
        ValueError: not 1-D, empty, too long for the header's count, or an id outside 0 .. n_vocab - 1.
        TypeError: the ids are not integers.
    """
    array = np.asarray(tokens)
    _check_tokens(array, n_vocab)
    magic = 20240520 if n_vocab <= 2**16 else 20240801
    version, dtype = FORMATS[magic]
    header = np.zeros(256, dtype="<i4")
    header[:3] = magic, version, len(array)
    with whole_file(path) as aside, aside.open("wb") as file:
        file.write(header.tobytes())
        array.astype(dtype).tofile(file)


def read_tokens(path: str | Path) -> np.memmap:
    """Map a file of ids into memory, read-only (uint16 or uint32); nothing is loaded until it is indexed.

    Reads llm.c's two formats by their header; a file without one is taken for nanoGPT's: bare uint16 ids.

    Raises:
        FileNotFoundError: no such file.
        ValueError: empty, of an unknown version, cut short, or of an odd number of bytes.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"wanted a token file, but {path} does not exist; write one with write_tokens(path, …)")
    size = path.stat().st_size
    with path.open("rb") as file:
        header = np.frombuffer(file.read(HEADER_BYTES), dtype=np.uint8)
    numbers = header.view("<i4") if len(header) == HEADER_BYTES else np.zeros(3, dtype="<i4")
    if int(numbers[0]) not in FORMATS:
        return _map_bare(path, size)
    version, dtype = FORMATS[int(numbers[0])]
    if int(numbers[1]) != version:
        raise ValueError(f"wanted version {version} of the token format, {path} has {int(numbers[1])}; convert it")
    count = int(numbers[2])
    wanted = HEADER_BYTES + count * dtype.itemsize
    if count < 1 or size != wanted:
        raise ValueError(
            f"wanted {wanted} bytes for the {count} tokens that the header of {path} counts, got {size}; "
            "the file was cut short or changed: write it again"
        )
    return np.memmap(path, dtype=dtype, mode="r", offset=HEADER_BYTES, shape=(count,))


def mapped_file(tokens: object) -> Path | None:
    """The file that `tokens` is the whole of, as `read_tokens` mapped it; None for anything else, even a part."""
    if not isinstance(tokens, np.memmap) or tokens.filename is None:
        return None
    path = Path(tokens.filename)
    return path if path.stat().st_size == tokens.offset + tokens.nbytes else None


def give_back_pages(tokens: np.ndarray) -> None:
    """Let go of the memory that a mapped file takes up in this process; reading it again maps it again."""
    if isinstance(tokens.base, mmap.mmap) and hasattr(tokens.base, "madvise"):  # not on Windows
        tokens.base.madvise(mmap.MADV_DONTNEED)


def _map_bare(path: Path, size: int) -> np.memmap:
    if size == 0 or size % 2:
        raise ValueError(
            f"wanted a token file (an llm.c header, or bare uint16 ids), got {path} of {size} bytes; "
            "write one with write_tokens(path, …)"
        )
    return np.memmap(path, dtype="<u2", mode="r")


def _check_tokens(array: np.ndarray, n_vocab: int) -> None:
    if array.ndim != 1 or not 1 <= len(array) <= MAX_TOKENS:
        raise ValueError(
            f"wanted a 1-D array of 1 to {MAX_TOKENS} token ids, got shape {array.shape}; flatten or shard it"
        )
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"wanted integer token ids, got dtype {array.dtype}; convert with .astype(np.int64)")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= n_vocab:
        bad = int(np.flatnonzero((array < 0) | (array >= n_vocab))[0])
        raise ValueError(
            f"wanted token ids from 0 to {n_vocab - 1}, got {int(array[bad])} at position {bad}; "
            "pass the n_vocab of the tokenizer that made them"
        )
