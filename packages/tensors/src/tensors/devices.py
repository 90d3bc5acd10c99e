"""Where tensors live: one function that turns a name into a device that works."""

import os

import torch


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
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"wanted a device of this machine: {', '.join(_present())}, got {name!r}{origin}, "
            f"which torch {torch.__version__} cannot use ({str(error).splitlines()[0]}); "
            "pass one of those names, or 'auto'"
        ) from error
    return device


def _present() -> list[str]:
    cuda = ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]
