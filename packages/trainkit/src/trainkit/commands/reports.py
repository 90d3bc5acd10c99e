"""What the `trainkit` command says of checkpoints."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..checkpoints.manifest import CheckpointError, Saved, verify_checkpoint


def describe(path: Path) -> str:
    """Step, score and each file's tensors of a verified checkpoint, as a text of a few lines and a table."""
    saved = find(path)
    lines = [
        f"{saved.path}: step {saved.step}, score {saved.score}, parts {', '.join(saved.parts)}, every byte verified"
    ]
    if saved.extra:
        lines.append(f"extra: {json.dumps(saved.extra)}")
    for file in sorted(saved.path.rglob("*.safetensors")):
        tensors = read(file)
        count = sum(tensor.numel() for tensor in tensors.values())
        lines.append(f"\n{file.relative_to(saved.path)}: {len(tensors)} tensors, {count:,} numbers")
        width = max((len(name) for name in tensors), default=0)
        lines += [f"  {name:<{width}}  {summary(tensor)}" for name, tensor in tensors.items()]
    return "\n".join(lines)


def differences(first: Path, second: Path) -> list[str]:
    """A line for each tensor that only one has, that differs in shape or dtype, or in values (largest difference)."""
    sides = [_all_tensors(find(path).path) for path in (first, second)]
    lines = []
    for name in sorted(sides[0].keys() | sides[1].keys()):
        if name not in sides[0] or name not in sides[1]:
            lines.append(f"{name}: only in {first if name in sides[0] else second}")
            continue
        a, b = (side[name] for side in sides)
        if a.shape != b.shape or a.dtype != b.dtype:
            lines.append(f"{name}: {_kind(a)} against {_kind(b)}")
        elif not torch.equal(a.view(-1).view(torch.uint8), b.view(-1).view(torch.uint8)):
            gap = (a.double() - b.double()).abs()
            lines.append(f"{name}: {int((gap != 0).sum())} of {gap.numel()} differ, by up to {float(gap.max()):.3g}")
    return lines


def find(path: Path) -> Saved:
    """The checkpoint at `path`, or the one that `latest` in it, or in its `checkpoints/`, names; verified."""
    if (path / "checkpoints" / "latest").is_file():
        path = path / "checkpoints"
    if (path / "latest").is_file():
        path = path / (path / "latest").read_text(encoding="utf-8", errors="replace").strip()
    if not path.is_dir():
        raise CheckpointError(f"wanted a checkpoint's folder, got {path}, which is none; try RUN/checkpoints")
    return verify_checkpoint(path)


def read(file: Path) -> dict[str, Tensor]:
    """The tensors of one file; CheckpointError where it is none."""
    try:
        with safe_open(file, framework="pt") as stream:
            return {name: stream.get_tensor(name) for name in sorted(stream.keys())}
    except SafetensorError as error:
        raise CheckpointError(f"wanted a safetensors file, got {file}: {error}; use an earlier checkpoint") from error


def summary(tensor: Tensor) -> str:
    """Shape, dtype, and for floats root mean square and largest magnitude: what shows a broken tensor at once."""
    if not tensor.is_floating_point() or not tensor.numel():
        return _kind(tensor)
    values = tensor.double()
    return f"{_kind(tensor)}  rms {float(values.square().mean().sqrt()):.3g}  largest {float(values.abs().max()):.3g}"


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"


def _all_tensors(path: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for file in path.rglob("*.safetensors"):
        found.update({f"{file.relative_to(path).as_posix()} {name}": tensor for name, tensor in read(file).items()})
    return found
