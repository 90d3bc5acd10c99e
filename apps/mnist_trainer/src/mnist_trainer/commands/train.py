"""What `mnist-trainer` does without another word: train, say how far it is, and what came of it."""

from pathlib import Path

from trainkit import graceful_stop, progress
from workbench import plain, tell_next, typed, unfailing_output

from ..files.model_folder import newest_run
from ..settings import TrainSettings
from ..training import Run, run

PACKAGE = "mnist_trainer"


def train(settings: TrainSettings) -> int:
    """Exit code 0 for a finished run; 130, 143 or 129 for one that a signal stopped and that can be resumed.

    Whatever becomes of its output, the run goes on.
    """
    with unfailing_output():
        return _train(settings)


def _train(settings: TrainSettings) -> int:
    from safetensors import SafetensorError

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
        try:
            for step in steps:
                done = step.number
        except (ValueError, OSError, SafetensorError) as error:  # a full or read-only disk, a limit
            raise ValueError(f"{plain(error)}. {_how_to_resume(training)}") from error
    if training.judgement is None:
        print(f"Stopped after step {done} of {training.total}; everything is saved.")
        tell_next(PACKAGE, _resuming(training))
        return stop.exit_code
    _report(training, done)
    return 0


def _resuming(training: Run) -> list[str]:
    return ["mnist-trainer", "--resume", str(training.folder)]


def _how_to_resume(training: Run) -> str:
    steps = training.checkpoints.steps()
    saved = f"The last good checkpoint is of step {steps[-1]}" if steps else "No checkpoint was saved yet"
    return f"{saved}: resume {'' if steps else 'from the start '}with {typed(PACKAGE, _resuming(training))}"


def _introduce(training: Run) -> None:
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


def newest_run_or_none() -> Path | None:
    """The run that `predict` takes without a word."""
    try:
        return newest_run()
    except ValueError:
        return None


def _report(training: Run, done: int) -> None:
    judgement = training.judgement
    assert judgement is not None
    low, high = judgement.interval
    if training.stopped_early:
        print(
            f"Stopped early: {training.recipe.patience} epochs with a validation loss clearly above the lowest; "
            "went back to the best."
        )
    print(
        f"\nTest images: {judgement.n_correct:,} of {len(judgement.labels):,} right, {judgement.accuracy:.2%} "
        f"(95 % interval {low:.2%} to {high:.2%})"
    )
    print(f"{done} steps, {training.seconds:.0f} s of training in all")
    curves = typed(None, ["tensorboard", "--logdir", str(training.folder)])
    print(f"Model: {training.folder / 'model'}   Curves: {curves}")
    print(f"Pictures: {training.folder / 'pictures'} (curves, confusion, the most confident mistakes)")
    found = [] if training.folder == newest_run_or_none() else ["--model", str(training.folder)]
    tell_next(PACKAGE, ["mnist-trainer", "predict", "digit.png", *found], "draw a digit, save it as a PNG, and")
