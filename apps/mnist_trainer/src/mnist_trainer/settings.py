"""What a person may say to `mnist-trainer`: read before torch is imported, so that `--help` answers at once."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg


def _shown(metavar: str, default: str) -> Any:
    """How `--help` names a value, and what it says of the default behind None."""
    return arg(metavar=metavar, help_behavior_hint=f"(default: {default})")


_COUNT = _shown("N", "the recipe's")


@dataclass(frozen=True)
class TrainSettings:
    """Train a small convolutional network to read digits. Without arguments: in seconds, without a network.

    Everything lands in one run folder: run.json, metrics.jsonl with TensorBoard curves, checkpoints/, the finished
    model/, results.json and pictures/. Ctrl-C finishes the step, saves, and says how to resume.

    mnist-trainer predict IMAGE reads a digit with what was learned: see mnist-trainer predict --help.
    """

    data: Annotated[str | None, _shown("NAME", "digits")] = None
    """digits (1,797 small ones from scikit-learn), mnist, or folder:DIR with a folder of images for each class."""
    mnist_root: Annotated[Path | None, _shown("DIR", "downloaded once")] = None
    """Folder with MNIST's files, for --data mnist without a download."""
    out: Annotated[Path | None, _shown("DIR", "the next free of runs/mnist-001, runs/mnist-002, ...")] = None
    """Run folder to make; must not hold a run yet."""
    resume: Annotated[Path | None, _shown("RUN", "a new run")] = None
    """Run folder to resume, to the same bits as if it had never stopped. Its own settings count: give no others."""
    seed: Annotated[int | None, _shown("N", "0")] = None
    """Picks initial weights, the order of the images and their augmentation."""
    device: Annotated[str, arg(metavar="NAME")] = "auto"
    """cpu, cuda, cuda:N or mps; auto takes the fastest there is."""
    epochs: Annotated[int | None, _COUNT] = None
    """Times that every image is seen."""
    batch_size: Annotated[int | None, _COUNT] = None
    """Images a step."""
    learning_rate: Annotated[float | None, _shown("RATE", "the recipe's")] = None
    """Highest learning rate."""
    patience: Annotated[int | None, _COUNT] = None
    """Stop after so many epochs in a row whose validation loss is clearly above the lowest, and go back to the best."""
    log_every: Annotated[int, arg(metavar="N")] = 10
    """Steps between lines of metrics.jsonl."""


@dataclass(frozen=True)
class PredictSettings:
    """Read the digit in an image: dark on light or light on dark, of any size, anywhere in the image."""

    images: Annotated[tuple[Path, ...], arg(metavar="IMAGE ...", help_behavior_hint=""), Positional]
    """One or more image files with one digit each."""
    model: Annotated[Path | None, _shown("DIR", "the newest finished run of runs/mnist-*")] = None
    """Run folder, or its model/."""


@dataclass(frozen=True)
class Recipe:
    """What is learned from, and how: nothing of it may change when a run is resumed."""

    epochs: int
    batch_size: int
    learning_rate: float
    patience: int
    validation: float
    """Fraction of the training images that is kept aside to see when to stop."""


DIGITS = Recipe(epochs=15, batch_size=64, learning_rate=4e-3, patience=8, validation=0.1)
MNIST = Recipe(epochs=48, batch_size=64, learning_rate=8e-3, patience=24, validation=0.05)
FOLDER = Recipe(epochs=40, batch_size=32, learning_rate=4e-3, patience=20, validation=0.1)


def recipe_for(settings: TrainSettings) -> Recipe:
    """The recipe of the data with what the settings change."""
    kind = (settings.data or "digits").partition(":")[0]
    chosen = {"digits": DIGITS, "mnist": MNIST, "folder": FOLDER}[kind]
    changes = {name: getattr(settings, name) for name in ("epochs", "batch_size", "learning_rate", "patience")}
    return dataclasses.replace(chosen, **{name: value for name, value in changes.items() if value is not None})


def check(settings: TrainSettings) -> None:
    """ValueError for what is wrong in itself, whatever the data and the machine."""
    for name in ("epochs", "batch_size", "patience", "log_every"):
        value = getattr(settings, name)
        if value is not None and value < 1:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option}: wanted a whole number of at least 1, got {value}; leave it out for the usual")
    rate = settings.learning_rate
    if rate is not None and not 0 < rate < float("inf"):
        raise ValueError(f"--learning-rate: wanted a number above 0, got {rate}; try {DIGITS.learning_rate}")
    if settings.seed is not None and not 0 <= settings.seed < 2**32:
        raise ValueError(f"--seed: wanted a whole number from 0 to 2**32 - 1, got {settings.seed}; try 0")
    _check_data(settings)


def _check_data(settings: TrainSettings) -> None:
    data = settings.data or "digits"
    if data not in ("digits", "mnist") and not (data.startswith("folder:") and data != "folder:"):
        hint = f"; did you mean folder:{data}?" if Path(data).is_dir() else "; the choice is explained by --help"
        raise ValueError(f"--data: wanted digits, mnist or folder:DIR, got {data!r}{hint}")
    if settings.mnist_root is not None and data != "mnist" and settings.resume is None:
        raise ValueError(f"--mnist-root: wanted together with --data mnist, got it with {data}; add --data mnist")
