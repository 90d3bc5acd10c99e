"""A safetensors file and its checksum; read by mapping it, so that nothing is copied."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor


def packed_file(tensors: Mapping[str, Tensor]) -> tuple[bytes, str]:
    """The content of a file of tensors, each under its name, and its SHA-256 (hex)."""
    from safetensors.torch import save

    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    return content, hashlib.sha256(content).hexdigest()


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """Write files that belong together: all of them aside and onto the disk first, then each takes its name.

    A full disk leaves what was there, and so does a kill, but for one between two renames; their checksum tells then.
    """
    aside = {path: path.with_name(f"{path.name}.part") for path in contents}
    try:
        for path, content in contents.items():
            with aside[path].open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for path, written in aside.items():
            written.replace(path)
    finally:
        for written in aside.values():
            written.unlink(missing_ok=True)


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
