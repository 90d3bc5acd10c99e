"""What a build takes from which exercise, and how a worker is asked for it. No torch here."""

from pathlib import Path
from typing import Any

from ..catalog import exercises
from ..exercise import Exercise

FUNCTIONS: dict[str, tuple[str, ...]] = {
    "accumulation": ("accumulate",),
    "adam": ("adam",),
    "cosine": ("cosine",),
    "causal_mask": ("causal_mask",),
    "attention": ("attend",),
    "heads": ("split_heads", "merge_heads"),
    "layer_norm": ("layer_norm",),
    "gelu": ("gelu",),
    "block": ("block",),
    "forward": ("forward",),
    "tied_head": ("head",),
    "initial_weights": ("initial_weight",),
    "learn_merges": ("learn_merges",),
    "encode_piece": ("encode_piece",),
    "decode_ids": ("decode_ids",),
    "loss": ("loss",),
    "bits_per_byte": ("bits_per_byte",),
    "temperature": ("probabilities",),
    "top_p": ("draw",),
}
"""Each exercise with what is taken from it."""


def needed() -> tuple[Exercise, ...]:
    """The exercises that a build takes pieces from."""
    return tuple(exercise for exercise in exercises() if exercise.name in FUNCTIONS)


def build_job(paths: dict[str, Path], out: Path, **settings: Any) -> dict[str, Any]:
    """Build from these files, by the names of their exercises; ours where there is none.

    settings: text, steps (None: as many as `minutes` allow), seed, prompt, minutes; and what of the recipe is changed,
    `recipe`, for tests.
    """
    told = {name: str(path) for name, path in paths.items()}
    return {"module": f"{__package__}.job", "paths": told, "out": str(out), "recipe": {}, **settings}


def ours_job(out: Path, text: str | None, seed: int) -> dict[str, Any]:
    """Train ours by the recipe and with the tokenizer that a build has left in its folder."""
    return {"module": f"{__package__}.ours", "out": str(out), "text": text, "seed": seed}
