"""A safetensors file and its checksum; read by mapping it, so that nothing is copied."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor


def packed_file(tensors: Mapping[str, Tensor]) -> tuple[bytes, str]:
    """The content of a file of tensors, each under its name, and its SHA-256 (hex)."""
    from safetensors.torch import save

    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    return content, hashlib.sha256(content).hexdigest()


def read_tensors(path: Path, sha256: str) -> dict[str, Tensor]:
    """The tensors of a file; ValueError where it is missing, torn or not the one with that checksum."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        with path.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        if found != sha256:
            raise ValueError(
                f"{path}: wanted the file that was saved (SHA-256 {sha256[:12]}), got another ({found[:12]}); copy the "
                f"folder again, its storage or its way here damaged it"
            )
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: wanted a safetensors file, got: {error}; copy or convert it again") from None
