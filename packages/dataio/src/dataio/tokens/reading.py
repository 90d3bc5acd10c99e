"""Many token files read as one run of tokens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .files import read_tokens
from .manifest import checksum, read_manifest


class TokenShards:
    """Token files seen as one 1-D array, memory-mapped: `len`, slices, `dtype`, and windows across their borders.

    Attributes:
        paths: the files in order.
        manifest: what `write_shards` noted about them; empty for files of other tools.
    """

    ndim = 1

    def __init__(self, paths: Sequence[Path], manifest: dict[str, Any]) -> None:
        self.paths, self.manifest = tuple(paths), manifest
        self.parts = [read_tokens(path) for path in self.paths]
        self.borders = np.cumsum([0, *map(len, self.parts)])
        self.dtype = np.result_type(*(part.dtype for part in self.parts))

    @property
    def shape(self) -> tuple[int]:
        return (len(self),)

    def __len__(self) -> int:
        return int(self.borders[-1])

    def __getitem__(self, place: int | slice) -> Any:
        if not isinstance(place, slice):
            row = range(len(self))[place]
            return self[row : row + 1][0]
        start, stop, step = place.indices(len(self))
        if step != 1:
            raise ValueError(f"wanted a slice without a step, got step {step}; slice the result instead")
        pieces = [
            part[max(start - first, 0) : max(stop - first, 0)]
            for part, first in zip(self.parts, self.borders.tolist(), strict=False)
            if first < stop and start < first + len(part)
        ]
        return np.concatenate(pieces) if pieces else np.zeros(0, self.dtype)

    def rows(self, starts: np.ndarray, length: int) -> np.ndarray:
        """Read `length` tokens from each of the starts " B": int64 "B length"."""
        rows = np.empty((len(starts), length), dtype=np.int64)
        shard = np.searchsorted(self.borders, starts, side="right") - 1
        inside = starts + length <= self.borders[shard + 1]
        for number in np.unique(shard[inside]):
            here = inside & (shard == number)
            windows = np.lib.stride_tricks.sliding_window_view(self.parts[number], length)
            rows[here] = windows[starts[here] - self.borders[number]]
        for row in np.flatnonzero(~inside):
            rows[row] = self[int(starts[row]) : int(starts[row]) + length]
        return rows

    def __reduce__(self) -> tuple[Any, ...]:
        # Workers map the files again: what is pickled is only where they are.
        return type(self), (self.paths, self.manifest)


def read_shards(source: str | Path | Sequence[str | Path], *, verify: bool = False) -> TokenShards:
    """Open a folder that `write_shards` filled, or a list of token files (llm.c's or nanoGPT's), in the order given.

    Args:
        source: the folder, or the files.
        verify: also compare every file with its checksum in the manifest, which reads all of it.

    Raises:
        FileNotFoundError: no manifest, or a file is missing.
        ValueError: writing was not finished, or a file is not what the manifest says; names it.
    """
    if not isinstance(source, str | Path):
        if not source:
            raise ValueError("wanted at least one token file, got an empty list; check the pattern it came from")
        return TokenShards([Path(path) for path in source], {})
    folder = Path(source)
    manifest = read_manifest(folder)
    if not manifest["complete"]:
        raise ValueError(
            f"wanted finished shards in {folder}, but writing stopped early; run write_shards again to go on"
        )
    for shard in manifest["shards"]:
        if not (folder / shard["file"]).is_file():
            raise FileNotFoundError(
                f"wanted a token file, but {folder / shard['file']} does not exist; run write_shards again to repair it"
            )
        if verify and checksum(folder / shard["file"]) != shard["sha256"]:
            raise ValueError(
                f"wanted {folder / shard['file']} as it was written, but its checksum differs; remove it and run "
                "write_shards again to repair it"
            )
    shards = TokenShards([folder / shard["file"] for shard in manifest["shards"]], manifest)
    for part, shard in zip(shards.parts, manifest["shards"], strict=True):
        if len(part) != shard["n_tokens"]:
            raise ValueError(
                f"wanted {shard['n_tokens']} tokens in {folder / shard['file']}, got {len(part)}; remove it and run "
                "write_shards again to repair it"
            )
    return shards
