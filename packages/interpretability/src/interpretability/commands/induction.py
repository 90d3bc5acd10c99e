"""`interpretability induction`: a run in which an induction head appears, in seconds."""

import dataclasses
from typing import Any

from workbench import check_picture, claimed_folder, hold, make_folder

from .answers import PROG, answer, answer_next, save_picture, table
from .measure_settings import Induction

SHOWN = 12
"""Lines of the table, at most."""


def run(settings: Induction) -> int:
    """Do the work of the command; ValueError for what is wrong. Returns the exit code."""
    check_picture(settings.picture, PROG, option="--picture")
    for name in ("steps", "save_every"):
        value = getattr(settings, name)
        if value is not None and value < 1:
            option = "--" + name.replace("_", "-")
            raise ValueError(f"{option}: wanted at least 1, got {value}; leave it out")
    if settings.seed < 0:
        raise ValueError(f"--seed: wanted a whole number from 0 on, got {settings.seed}; leave it out")
    if settings.out is not None and settings.out.exists() and not settings.out.is_dir():
        raise ValueError(f"--out {settings.out}: wanted a new or empty folder, got a file; name another")
    from trainkit import graceful_stop, progress

    from ..induction.run import InductionRecipe, InductionRun

    recipe = InductionRecipe()
    if settings.steps is not None:
        recipe = dataclasses.replace(recipe, steps=settings.steps)
    if settings.out is None:
        folder = claimed_folder("runs")
    else:
        folder = settings.out
        make_folder(folder)
    held = hold(folder)
    with graceful_stop() as stop:
        training = InductionRun(
            folder,
            recipe,
            seed=settings.seed,
            save_every=settings.save_every,
            should_stop=lambda: stop.requested,
            held=held,
        )
        training.begin()
        for _ in progress(training, total=recipe.steps, unit="tokens"):
            pass
    if not training.finished:
        said = f"Stopped after step {training.last_step}; what was saved is in {folder}."
        facts = {"run": str(folder), "stopped": training.last_step}
        answer(facts, [said, "It takes seconds: begin again with another --out."], settings.json)
        return stop.exit_code
    _report(settings, training, str(folder))
    return 0


def _report(settings: Induction, training: Any, folder: str) -> None:
    """The best heads and the loss over the run, the sentence that sums it up, and what to do next."""
    from ..heads.kinds import HeadKinds, score_heads
    from ..history.checkpoints import over_training

    pool = training.tokenizer.encode(training.recipe.alphabet)
    kinds: list[HeadKinds] = []

    def measure(model: Any) -> dict[str, float]:
        kinds.append(score_heads(model, pool))
        return {name: kinds[-1].best(name)[2] for name in ("previous", "induction")}

    found = list(over_training(folder, measure))
    losses = training.losses
    rows = [(step, losses[step], numbers["previous"], numbers["induction"]) for step, numbers in found]
    layer, head, score = kinds[-1].best("induction")
    every = max(1, -(-len(rows) // SHOWN))
    shown = rows[::-1][::every][::-1]
    words = [(f"{step}", f"{loss:.3f}", f"{previous:.2f}", f"{copies:.2f}") for step, loss, previous, copies in shown]
    lines = [
        "Loss on what can be copied (nats a token), and the best head's share of attention:",
        "",
        *table(("step", "loss", "previous token", "induction"), words, left=0),
        "",
        f"L{layer}H{head} is the induction head: {score:.0%} of what it looks at came after the same token."
        if score >= 0.5
        else f"No induction head yet: the best, L{layer}H{head}, has {score:.0%}; take more --steps.",
        f"Run: {folder}",
    ]
    if settings.picture is not None:
        from ..pictures.lines import plot_history

        figure = plot_history(
            [step for step, *_ in rows],
            {"previous token": [row[2] for row in rows], "induction": [row[3] for row in rows]},
            ylabel="share of attention, best head",
            loss=[row[1] for row in rows],
            title="An induction head appears",
        )
        lines += save_picture(figure, settings.picture)
    steps = [dict(zip(("step", "loss", "previous", "induction"), row, strict=True)) for row in rows]
    answer({"run": folder, "steps": steps, "best": [layer, head, score]}, lines, settings.json)
    answer_next(["heads", folder, "--text", f"{folder}/alphabet.txt", "--checkpoints", "all"], settings.json)
