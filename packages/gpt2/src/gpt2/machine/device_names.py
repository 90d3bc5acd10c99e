"""The devices that a person may name, by the names that the help gives."""

import torch

from tensors import choose_device


def device_named(name: str) -> torch.device:
    """The device of that name, or the fastest for "auto"; ValueError where there is none, with the names there are."""
    if name.split(":")[0] not in ("auto", "cpu", "cuda", "mps"):
        raise ValueError(f"--device: wanted cpu, cuda, cuda:N, mps or auto, got {name!r}; auto takes the fastest")
    return choose_device(name)
