"""From what was typed to the recipe that a run has. Nothing here imports torch."""

import dataclasses

from ..recipes import Recipe
from .recipe_fields import changed
from .recipe_file import chosen_recipe
from .settings import TrainSettings


def resolved(settings: TrainSettings, n_bytes: int) -> Recipe:
    """The recipe, for a text of `n_bytes`, with what the settings change; fewer steps warm up for fewer."""
    named = chosen_recipe(settings.recipe or ("quick" if settings.source is None else "finetune"), n_bytes)
    steps = settings.steps or named.steps
    given = dataclasses.asdict(settings)
    if settings.warmup is None:
        given["warmup"] = round(named.warmup * min(1.0, steps / named.steps))
    elif settings.warmup >= steps:
        raise ValueError(
            f"--warmup: wanted fewer than the {steps} steps of the run, got {settings.warmup}; leave it out"
        )
    if settings.learning_rate is not None and settings.adam_learning_rate is None:
        # The two rates of a recipe belong together: one number scales both.
        given["adam_learning_rate"] = named.adam_learning_rate * settings.learning_rate / named.learning_rate
    return changed(named, given)
