"""The command `mnist-trainer`. Nothing here imports torch until there is work for it."""

import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import tyro

from tensors import spin_briefly

from ..settings import PredictSettings, TrainSettings, check

EXIT_WRONG = 2


def main(arguments: Sequence[str] | None = None) -> None:
    """`mnist-trainer …` and `mnist-trainer predict IMAGE …`"""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["predict"]:
        asked = tyro.cli(PredictSettings, prog="mnist-trainer predict", args=given[1:])
        sys.exit(_guarded(lambda: _predict(asked)))
    settings = tyro.cli(TrainSettings, prog="mnist-trainer", args=given)
    sys.exit(_guarded(lambda: _train(settings)))


def _guarded(work: Callable[[], int]) -> int:
    """Do it; turn what is wrong with the input into one clear line and exit code 2."""
    spin_briefly()
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    try:
        return work()
    except (ValueError, OSError, ImportError) as error:
        print(f"mnist-trainer: {error}", file=sys.stderr)
        return EXIT_WRONG


def _predict(settings: PredictSettings) -> int:
    missing = [str(path) for path in settings.images if not path.is_file()]
    if missing or not settings.images:
        got = f"no such file: {', '.join(missing)}" if missing else "no image"
        raise ValueError(f"predict: wanted image files, got {got}; give the path of a PNG or JPEG with one digit")

    from ..files.model_folder import load, newest_run
    from ..prediction import predict

    reader = load(settings.model or newest_run())
    for path in settings.images:
        first, second, *_ = predict(reader, path).ranking
        print(f"{path}: {first[0]}  ({first[1]:.1%}; next {second[0]}, {second[1]:.1%})")
    return 0


def _train(settings: TrainSettings) -> int:
    check(settings)

    from trainkit import graceful_stop, progress

    from ..training import run

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
        f"Data       {data.name}: {len(data.train):,} images to learn from, {len(data.validation):,} to see when "
        f"to stop, {len(data.test):,} to judge\n"
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
    print(f"Model: {training.folder / 'model'}   Curves: {_typed('')}tensorboard --logdir {training.folder}")
    print(f"Pictures: {training.folder / 'pictures'} (curves, confusion, the most confident mistakes)")
    print(f"\nNext: draw a digit, save it as a PNG, and\n  {_verb('predict digit.png')}")


def _verb(arguments: str) -> str:
    """The command as it is typed."""
    return f"{_typed('--package mnist_trainer ')}mnist-trainer {arguments}"


def _typed(options: str) -> str:
    """How a command begins in the workspace; nothing where the app is installed elsewhere."""
    in_workspace = Path("uv.lock").is_file() and Path("apps", "mnist_trainer").is_dir()
    return f"uv run {options}" if in_workspace else ""
