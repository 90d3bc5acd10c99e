"""`gpt2 batch`: the text of any step of a run. What it learns from is arithmetic, so nothing has to run for it."""

from ..training.curriculum import TextCurriculum
from ..training.opening import reopen
from .settings import BatchSettings


def describe(settings: BatchSettings) -> str:
    """The windows of a step as text, each under its number.

    A window ends with the last token that is only a target. ValueError for a step that the run does not have.
    """
    record, text = reopen(settings.run, settings.text)
    steps = record.recipe.steps
    if not 1 <= settings.step <= steps:
        raise ValueError(f"STEP: wanted a step of the run, 1 to {steps}, got {settings.step}; steps count from 1")
    curriculum = TextCurriculum(text, record.recipe, record.recipe.config.n_ctx, record.seed)
    [batch] = next(curriculum.steps_from(settings.step - 1))
    inputs, targets = batch[:2]
    lines = [f"Step {settings.step} of {steps}: {len(inputs)} windows of {inputs.shape[1]} tokens from {text.name}"]
    for number, (window, target) in enumerate(zip(inputs.tolist(), targets.tolist(), strict=True), start=1):
        lines += [f"── window {number} ──", text.tokenizer.decode([*window, target[-1]])]
    return "\n".join(lines)
