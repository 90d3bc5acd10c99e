"""The weights of a model folder: `model.safetensors`, or several files and an index. With a checksum, never pickled."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workbench import read_object

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
SHARD_BYTES = 5 * 10**9
"""Bytes of tensors a file, as `transformers` cuts them; every published GPT-2 but the largest fits in one."""
CHECKSUM = "sha256"


def write_tensors(folder: Path, tensors: Mapping[str, Tensor], shard_bytes: int = SHARD_BYTES) -> None:
    """Write tensors as one file where they fit in `shard_bytes`, else as files with an index (Hugging Face's layout).

    Each file's header holds the SHA-256 of its tensors (`checksum`). Files of an earlier save under these names go.
    """
    from safetensors.torch import save_file

    if shard_bytes < 1:
        raise ValueError(f"shard_bytes: wanted at least 1, got {shard_bytes}; leave it out for files of 5 GB")
    shards = _shards(tensors, shard_bytes)
    names = [WEIGHTS] if len(shards) == 1 else [_shard_name(n + 1, len(shards)) for n in range(len(shards))]
    for name, shard in zip(names, shards, strict=True):
        (folder / name).touch()
        mode = (folder / name).stat().st_mode  # what the user's umask allows; safetensors would leave 0600
        save_file(shard, folder / name, metadata={"format": "pt", CHECKSUM: checksum(shard)})
        (folder / name).chmod(mode)
        _order_header(folder / name)
    old = {*folder.glob("model-*-of-*.safetensors"), folder / WEIGHTS, folder / INDEX}
    for path in old - {folder / name for name in names}:
        path.unlink(missing_ok=True)
    if len(shards) > 1:
        places = {tensor: name for name, shard in zip(names, shards, strict=True) for tensor in shard}
        total = sum(tensor.nbytes for tensor in tensors.values())
        index = {"metadata": {"total_size": total}, "weight_map": places}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8", newline="\n")


def read_tensors(folder: Path, *, check: bool = True) -> dict[str, Tensor]:
    """All tensors of a folder, from one file or from those that its index names; mapped, not copied.

    check: compare with the checksums in the headers, where there are any (files of other tools have none).
    Raises ValueError for a file that is missing, torn or changed, and for an index that is not true.
    """
    tensors, compare = open_tensors(folder)
    if check:
        compare()
    return tensors


def open_tensors(folder: Path) -> tuple[dict[str, Tensor], Callable[[], None]]:
    """What `read_tensors` returns, and the comparison with the checksums: a call that raises its ValueError, and may
    run beside the use of the tensors, for it takes as long."""
    if (folder / WEIGHTS).is_file() or not (folder / INDEX).is_file():
        return open_file(folder / WEIGHTS)
    places = read_index(folder)
    tensors: dict[str, Tensor] = {}
    comparisons = []
    for name in sorted(set(places.values())):
        held, compare = open_file(folder / name)
        comparisons.append(compare)
        promised = {tensor for tensor, place in places.items() if place == name}
        if held.keys() != promised:
            raise ValueError(
                f"{folder / name}: wanted the tensors that {INDEX} names, got one less or one more: "
                f"{', '.join(sorted(held.keys() ^ promised))}; copy index and files again, together"
            )
        tensors |= held
    return tensors, partial(_all, comparisons)


def read_index(folder: Path) -> dict[str, str]:
    """Which file of the folder holds which tensor; ValueError for a file name that leads out of the folder."""
    try:
        places: dict[str, str] = read_object(folder / INDEX)["weight_map"]
        names = {str(name) for name in places.values()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{folder / INDEX}: wanted an index with a weight_map, got {error!r}; copy it again") from None
    for name in sorted(names):
        if name != Path(name).name or "\\" in name or ":" in name or not name.endswith(".safetensors"):
            raise ValueError(
                f"{folder / INDEX}: wanted names of safetensors files beside it, got {name!r}, which is none; "
                f"do not use this folder unless you know who made it"
            )
    return places


def open_file(path: Path) -> tuple[dict[str, Tensor], Callable[[], None]]:
    """`open_tensors` of one safetensors file; ValueError where it is missing or torn."""
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
        with safe_open(path, framework="pt") as file:
            recorded = (file.metadata() or {}).get(CHECKSUM)
    except (SafetensorError, FileNotFoundError) as error:
        raise ValueError(f"{path}: wanted a safetensors file, got: {error}; copy or save the model again") from None

    def compare() -> None:
        if recorded is not None and checksum(tensors) != recorded:
            raise ValueError(
                f"{path}: wanted the tensors that were saved (SHA-256 {recorded[:12]}), got changed ones; copy the "
                f"model again, its storage or its way here damaged it"
            )

    return tensors, compare


def _all(comparisons: Sequence[Callable[[], None]]) -> None:
    for compare in comparisons:
        compare()


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 (hex) over names, dtypes, shapes and bytes of tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}\n".encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def convert(tensors: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """The tensors in a floating-point dtype; ValueError naming those with values that it cannot hold."""
    if not dtype.is_floating_point:
        raise ValueError(f"dtype: wanted a floating-point one, got {dtype}; try torch.bfloat16")
    converted = {name: tensor.to(dtype) for name, tensor in tensors.items()}
    too_large = [n for n, t in converted.items() if t is not tensors[n] and t.isinf().sum() > tensors[n].isinf().sum()]
    if too_large:
        raise ValueError(
            f"dtype: wanted one that holds every weight, got {dtype}, too small for {', '.join(too_large)}"
        )
    return converted


def _order_header(path: Path) -> None:
    """Sort the header's metadata in place: safetensors writes it in an order that differs from process to process."""
    with path.open("r+b") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        metadata = dict(sorted(header.pop("__metadata__").items()))
        ordered = json.dumps({"__metadata__": metadata, **header}, separators=(",", ":"), ensure_ascii=False).encode()
        if len(ordered) > size:
            raise AssertionError(f"{path}: wanted a header of {size} bytes, got {len(ordered)}; report this")
        file.seek(8)
        file.write(ordered.ljust(size))


def _bytes(tensor: Tensor) -> Any:
    return tensor.reshape(-1).view(torch.uint8).numpy() if tensor.numel() else b""


def _shards(tensors: Mapping[str, Tensor], shard_bytes: int) -> list[dict[str, Tensor]]:
    shards: list[dict[str, Tensor]] = [{}]
    for name, tensor in tensors.items():
        if shards[-1] and sum(t.nbytes for t in shards[-1].values()) + tensor.nbytes > shard_bytes:
            shards.append({})
        shards[-1][name] = tensor
    return shards


def _shard_name(number: int, count: int) -> str:
    return f"model-{number:05d}-of-{count:05d}.safetensors"
