"""An adapter on disk as `peft` 0.21 keeps it: `adapter_config.json` and `adapter_model.safetensors`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

import gpt2
from gpt2 import GPT2
from workbench import expanded, make_folder, read_object, replace_files

from ..adapters import TARGETS, Adapter, adapter_state, with_adapter, without_adapter
from .configuration import LANGUAGE, PUBLISHED, adapter_of, configuration

CONFIGURATION, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
BASE = "base_sha256"
"""Key in the header of the weights: of which base they are an adapter, by content."""
PREFIX = "base_model.model.transformer."
PARTS = {"down": "lora_A.weight", "up": "lora_B.weight", "magnitude": "lora_magnitude_vector"}


def save_adapter(folder: str | Path, model: GPT2, adapter: Adapter, *, base: str | None = None) -> None:
    """Write the adapter of `model`, which `with_adapter(…, adapter)` put there; the base is not written.

    `peft.PeftModel.from_pretrained(BASE, folder)` opens it. The header of the weights holds the SHA-256 of the base's
    tensors. base: where the base is found, as path or name on the hub, for peft's own record of it. Files that are
    there already are replaced together. ValueError where the model's adapter is not the one described.
    """
    write_adapter(expanded(folder), model, adapter, configuration(adapter, base))


def write_adapter(
    folder: Path,
    model: GPT2,
    adapter: Adapter,
    content: Mapping[str, Any],
    beside: Mapping[str, Tensor] = MappingProxyType({}),
    facts: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write an adapter with that configuration, tensors `beside` it, and `facts` in the header of the weights."""
    tensors = {theirs: adapter_state(model)[ours] for ours, theirs in _names(model, adapter).items()} | {**beside}
    make_folder(folder)
    header = {"format": "pt", BASE: base_checksum(model), **facts}
    replace_files(
        {
            folder / WEIGHTS: _ordered(save({name: held.cpu().contiguous() for name, held in tensors.items()}, header)),
            folder / CONFIGURATION: (json.dumps(content, indent=2) + "\n").encode(),
        }
    )


def load_adapter(folder: str | Path, base: GPT2) -> tuple[GPT2, Adapter]:
    """`base` with the adapter in that folder, ours or peft's, and what it is. Shares and freezes the base's weights.

    Raises ValueError for a folder that is none, an adapter of another base (known by content where we wrote it, else by
    shapes), tensors that are missing or too many, and whatever of peft's options would compute something else here.
    """
    folder = expanded(folder)
    adapter, names = read_adapter(folder)
    tensors, header = read_adapter_tensors(folder)
    check_base(folder, header, base, names)
    model = with_adapter(base, adapter)
    fill_adapter(model, adapter, tensors, str(folder))
    return model, adapter


def check_base(folder: Path, header: Mapping[str, str], base: GPT2, named: str | None) -> None:
    """ValueError where the weights' header holds the hash of another base."""
    if BASE in header and header[BASE] != base_checksum(base):
        raise ValueError(
            f"{folder}: wanted the base that this adapter was trained on (SHA-256 {header[BASE][:12]}), got another "
            f"({base_checksum(base)[:12]}); give that base{f': {named}' if named else ''}"
        )


def read_adapter(folder: Path, task: str = LANGUAGE) -> tuple[Adapter, str | None]:
    """What an adapter folder says of itself, and where it says that its base is; ValueError where it is none, and where
    it is one of another task than language modeling (CAUSAL_LM) or labels (SEQ_CLS)."""
    path = folder / CONFIGURATION
    if not path.is_file():
        what = "a folder without it" if folder.is_dir() else "no such folder"
        raise ValueError(f"{path}: wanted an adapter's configuration, got {what}; give the folder of an adapter")
    content = read_object(path)
    try:
        return adapter_of(content, task), content.get("base_model_name_or_path")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def fill_adapter(model: GPT2, adapter: Adapter, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copy tensors under peft's names into the adapter of `model`; ValueError that lists each that does not fit."""
    names, state = _names(model, adapter), adapter_state(model)
    problems = [f"missing {name}" for name in names.values() if name not in tensors]
    problems += [f"unexpected {name}" for name in tensors if name not in names.values()]
    problems += [
        f"{theirs} has shape {tuple(tensors[theirs].shape)} instead of {tuple(state[ours].shape)}"
        for ours, theirs in names.items()
        if theirs in tensors and tensors[theirs].shape != state[ours].shape
    ]
    if problems:
        some = "; ".join(problems[:4]) + (f"; and {len(problems) - 4} more" if len(problems) > 4 else "")
        raise ValueError(
            f"{source}: wanted the {len(names)} tensors of an adapter for this base, got {len(problems)} that differ: "
            f"{some}; is it an adapter of another base?"
        )
    for ours, theirs in names.items():
        state[ours].copy_(tensors[theirs])


def base_checksum(model: GPT2) -> str:
    """SHA-256 (hex) of all tensors of a model, its adapter left out."""
    return gpt2.checksum(without_adapter(model).state_dict())


def read_adapter_tensors(folder: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of an adapter folder by peft's names, and the facts in their header."""
    path = folder / WEIGHTS
    if not path.is_file():
        legacy = path.with_suffix(".bin").is_file()
        cure = "save it again with safetensors: a .bin may run code" if legacy else "copy the adapter again"
        raise ValueError(f"{path}: wanted the adapter's weights, got no such file; {cure}")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path}: wanted a safetensors file, got: {error}; copy the adapter again") from None


def _ordered(file: bytes) -> bytes:
    """The file with its metadata in alphabetical order: safetensors writes it in one that differs from process to
    process, and equal adapters shall be equal files."""
    end = 8 + int.from_bytes(file[:8], "little")
    header = json.loads(file[8:end])
    metadata = dict(sorted(header.pop("__metadata__").items()))
    ordered = json.dumps({"__metadata__": metadata, **header}, separators=(",", ":"), ensure_ascii=False).encode()
    if len(ordered) > end - 8:
        raise AssertionError(f"wanted a header of {end - 8} bytes, got {len(ordered)}; report this")
    return file[:8] + ordered.ljust(end - 8) + file[end:]


def _names(model: GPT2, adapter: Adapter) -> dict[str, str]:
    """Each tensor of the adapter by our name, with peft's."""
    names = dict(_each_name(len(model.decoder.blocks), adapter))
    if names.keys() != adapter_state(model).keys():
        raise ValueError(
            f"model: wanted one with the adapter that is described ({adapter}), got another; pass the Adapter that "
            f"was given to with_adapter"
        )
    return names


def _each_name(n_layer: int, adapter: Adapter) -> Iterator[tuple[str, str]]:
    parts = [part for part in PARTS if part != "magnitude" or adapter.method == "dora"]
    for number in range(n_layer):
        for target in TARGETS:
            for part in parts if target in adapter.targets else ():
                ours = f"decoder.blocks.{number}.{target}.{part}"
                yield ours, f"{PREFIX}h.{number}.{PUBLISHED[target]}.{PARTS[part]}"
