"""Where tensors live: one function that turns a name into a device that works."""

import os

import torch

from workbench import shorten


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called `name`, having put one number on it.

    `"auto"` is the environment variable `TENSORS_DEVICE` where set, else the first of cuda, mps and cpu that is
    present. Any other name is taken literally (`"cpu"`, `"cuda:1"`, `"mps"`); ValueError if torch cannot use it.
    """
    origin = ""
    if name == "auto" and os.environ.get("TENSORS_DEVICE"):
        name, origin = os.environ["TENSORS_DEVICE"], " (from the environment variable TENSORS_DEVICE)"
    if name == "auto":
        name = _present()[0]
    device = None
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:
        # of a name that is no device at all torch says at length which are
        why = "" if device is None else f" ({shorten(str(error).splitlines()[0])})"
        raise ValueError(
            f"wanted a device of this machine, got {name!r}{origin}{why}; name one of {', '.join(_present())}, auto"
        ) from error
    return device


def _present() -> list[str]:
    cuda = ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]
