"""Page-locked memory, from which a GPU can fetch a batch while it computes."""

from typing import Any

import torch


def check_can_pin() -> None:
    """Raise ValueError unless there is an accelerator to pin memory for."""
    if not torch.accelerator.is_available():
        raise ValueError(
            "wanted an accelerator to pin memory for, but torch finds none; "
            "pass pin_memory=torch.accelerator.is_available()"
        )


def pin(batch: Any) -> Any:
    """Copy each tensor of a batch (nested tuples, lists, dicts) into page-locked memory."""
    if isinstance(batch, torch.Tensor):
        return batch.pin_memory()
    if isinstance(batch, tuple | list):
        return type(batch)(pin(part) for part in batch)
    if isinstance(batch, dict):
        return {name: pin(part) for name, part in batch.items()}
    return batch
