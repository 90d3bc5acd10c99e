"""The job of a worker that trains our own GPT-2 by the same recipe, on the same text, with the learner's tokenizer."""

from pathlib import Path
from typing import Any

import gpt2

from ..processes.worker import Tell


def answer(job: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """The losses of all steps, and bits per byte of the held-out text."""
    out = Path(job["out"])
    settings = gpt2.TrainSettings(
        text=job["text"],
        out=out / "ours",
        recipe=out / "recipe.toml",
        tokenizer=str(out / "model"),
        seed=job["seed"],
        device="cpu",
        log_every=1,
    )
    run = gpt2.run(settings)
    losses = []
    for step in run:
        losses.append(step.loss)
        tell({"step": step.number, "of": run.total, "loss": step.loss})
    return {"state": "built", "losses": losses, "bits_per_byte": run.bits_per_byte}
