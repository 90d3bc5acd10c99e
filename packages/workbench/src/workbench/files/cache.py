"""Where packages keep what they can make again: tokenizers, compiled kernels, downloads."""

import os
from pathlib import Path

from .paths import expanded

VARIABLE = "TENSORS_TO_GPT2_CACHE"


def cache_folder(*parts: str) -> Path:
    """$TENSORS_TO_GPT2_CACHE, else `tensors-to-gpt2` in the user's cache (on Linux $XDG_CACHE_HOME or ~/.cache), and
    `parts` below it. Not made yet. ValueError where neither that variable nor a home folder says where."""
    own = os.environ.get(VARIABLE)
    if own:
        return expanded(own).joinpath(*parts)
    from platformdirs import user_cache_path

    try:
        folder = user_cache_path("tensors-to-gpt2", appauthor=False)
    except RuntimeError:  # newer versions of platformdirs see it themselves
        folder = Path("~")
    if not folder.is_absolute():  # "~/.cache" as it stands
        raise ValueError(f"wanted a home folder to keep files in, got none; set HOME, or {VARIABLE} to a folder")
    return folder.joinpath(*parts)
