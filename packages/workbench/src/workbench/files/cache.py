"""Where packages keep what they can make again: tokenizers, compiled kernels, downloads."""

import os
from pathlib import Path

VARIABLE = "TENSORS_TO_GPT2_CACHE"


def cache_folder(*parts: str) -> Path:
    """$TENSORS_TO_GPT2_CACHE, else `tensors-to-gpt2` in the user's cache (on Linux $XDG_CACHE_HOME or ~/.cache), and
    `parts` below it. Not made yet."""
    own = os.environ.get(VARIABLE)
    if own:
        return Path(own, *parts)
    from platformdirs import user_cache_path

    return user_cache_path("tensors-to-gpt2", appauthor=False).joinpath(*parts)
