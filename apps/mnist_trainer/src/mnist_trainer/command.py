"""The command `mnist-trainer`. Nothing here imports torch until there is work for it."""

import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import tyro

from .settings import TrainSettings, check

EXIT_WRONG = 2


def main(arguments: Sequence[str] | None = None) -> None:
    """`mnist-trainer …` and `mnist-trainer predict IMAGE`"""
    arguments = sys.argv[1:] if arguments is None else arguments
    sys.exit(_guarded(tyro.cli(TrainSettings, prog="mnist-trainer", args=arguments)))


def _guarded(settings: TrainSettings) -> int:
    """Run; turn what is wrong with the input into one clear line and exit code 2."""
    # Threads that spin while they wait stall each other on a busy machine; must be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    try:
        check(settings)
        return _train(settings)
    except (ValueError, OSError, ImportError) as error:
        print(f"mnist-trainer: {error}", file=sys.stderr)
        return EXIT_WRONG


def _train(settings: TrainSettings) -> int:
    from trainkit import graceful_stop, progress

    from .training import run

    began = time.perf_counter()
    with graceful_stop() as stop:
        training = run(settings, stop)
        _introduce(training)
        done = training.start
        steps = progress(
            training,
            total=training.total,
            start=training.start,
            unit="images",
            describe=lambda: "" if training.validation is None else f"validation {training.validation.loss:.4f}",
        )
        for step in steps:
            done = step.number
    if training.judgement is None:
        print(f"Stopped after step {done} of {training.total}; everything is saved.")
        print(f"\nGo on with:\n  {_verb(f'--resume {training.folder}')}")
        return stop.exit_code
    _report(training, done, time.perf_counter() - began)
    return 0


def _introduce(training) -> None:  # type: ignore[no-untyped-def]
    data, recipe = training.data, training.recipe
    print(
        f"Data       {data.name}: {len(data.train):,} images to learn from, {len(data.validation):,} to see when to stop, "
        f"{len(data.test):,} to judge\n"
        f"Network    {training.model.n_parameters:,} parameters on {training.device}\n"
        f"Run        {training.folder} ({recipe.epochs} epochs of {len(training.batches)} steps)",
        flush=True,
    )
    if training.start:
        print(f"Resuming after step {training.start}", flush=True)


def _report(training, done: int, seconds: float) -> None:  # type: ignore[no-untyped-def]
    judgement = training.judgement
    low, high = judgement.interval
    if training.stopped_early:
        print(f"Stopped early: no lower validation loss for {training.recipe.patience} epochs; went back to the best.")
    print(
        f"\nTest images: {judgement.n_correct:,} of {len(judgement.labels):,} right, {judgement.accuracy:.2%} "
        f"(95 % interval {low:.2%} to {high:.2%})"
    )
    print(f"{done} steps, {seconds:.0f} s in all")
    print(f"Model: {training.folder / 'model'}   Curves: tensorboard --logdir {training.folder}")


def _verb(arguments: str) -> str:
    """The command as it is typed in the workspace, or bare where the app is installed elsewhere."""
    in_workspace = Path("uv.lock").is_file() and Path("apps", "mnist_trainer").is_dir()
    return ("uv run --package mnist_trainer " if in_workspace else "") + f"mnist-trainer {arguments}"
