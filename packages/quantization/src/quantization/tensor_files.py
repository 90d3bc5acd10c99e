"""A safetensors file and its checksum; read by mapping it, so that nothing is copied."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write tensors, each under its name; the file's SHA-256 (hex). It is replaced whole, or stays as it was."""
    from safetensors.torch import save

    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    aside = path.with_name(f"{path.name}.part")
    aside.write_bytes(content)
    aside.replace(path)
    return hashlib.sha256(content).hexdigest()


def read_tensors(path: Path, sha256: str) -> dict[str, Tensor]:
    """The tensors of a file; ValueError where it is missing, torn or not the one with that checksum."""
    from safetensors import SafetensorError, safe_open

    try:
        with path.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        if found != sha256:
            raise ValueError(
                f"{path}: wanted the file that was saved (SHA-256 {sha256[:12]}), got another ({found[:12]}); copy the "
                f"folder again, its storage or its way here damaged it"
            )
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  a handle, not a dictionary
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: wanted a safetensors file, got: {error}; copy or convert it again") from None
