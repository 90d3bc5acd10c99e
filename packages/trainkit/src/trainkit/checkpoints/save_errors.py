"""What is said when a checkpoint cannot be written: why, what is left, and what to do before one resumes."""

import errno
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from workbench import is_full

from .optimizer_part import OptimizerPart
from .parts import ModulePart, Part

CURES = {
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "mount the disk so that it can be written",
    errno.EACCES: "give yourself the permission to write there",
    errno.EPERM: "give yourself the permission to write there",
    errno.EIO: "check the disk",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
}


def explained(
    error: BaseException, step: int, folder: Path, written: int, earlier: Mapping[int, int], parts: Mapping[str, Part]
) -> BaseException:
    """An OSError of the same errno in one sentence; the error itself where it is of another kind, or explains itself.

    safetensors brings the number in its text only.

    Args:
        written: bytes of the checkpoint that were written, and removed again.
        earlier: bytes of each earlier checkpoint by its step.
    """
    code = _code(error)
    if code is None or str(getattr(error, "strerror", "")).startswith("wanted "):
        return error
    left = f"earlier checkpoints {list(earlier)} are intact" if earlier else "there is no earlier checkpoint"
    after = f"after {_size(written)} were written and removed again"
    needed, free = max([written, _tensor_bytes(parts), *earlier.values()]), _free(folder)
    if not is_full(error):
        wanted, got = f"to write the checkpoint of step {step}", f"{os.strerror(code)!r} {after}"
        cure = CURES.get(code, "mend that")
    elif needed > free:
        wanted = f"room for the checkpoint of step {step}, at least {_size(needed)}"
        got, cure = f"{_size(free)} free {after}", "free some space"
    else:
        wanted = f"room for the checkpoint of step {step}, at least {_size(needed)}"
        got = f"{os.strerror(code)!r} {after}, though {_size(free)} free is more"
        cure = "look for a quota, or for what else fills the disk now and then"
    return OSError(code, f"wanted {wanted}, got {got}; {left}: {cure} and resume ({error})", str(folder))


def _code(error: BaseException) -> int | None:
    if isinstance(error, OSError):
        return error.errno
    found = re.search(r"os error (\d+)\)", str(error))
    return int(found[1]) if found and isinstance(error, Exception) else None


def _tensor_bytes(parts: Mapping[str, Part]) -> int:
    """Of the parts whose tensors are known before they are written."""
    holders = [part for part in parts.values() if isinstance(part, (ModulePart, OptimizerPart))]
    return sum(tensor.numel() * tensor.element_size() for part in holders for tensor in part.tensors().values())


def _free(folder: Path) -> int:
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 100_000 else f"{n_bytes / 1e3:.1f} kB"
