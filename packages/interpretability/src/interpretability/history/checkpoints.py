"""How a run came to be what it is: any measure of a model, over the checkpoints that the run kept."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch

from gpt2 import GPT2, load
from trainkit import Checkpoints
from workbench import expanded

Measure = Callable[[GPT2], Mapping[str, float]]
"""Numbers of a model by their names, the same ones for each checkpoint."""


def kept_checkpoints(run: str | Path) -> list[tuple[int, Path]]:
    """Step and model folder of each checkpoint of a run, in their order. ValueError for a folder without any."""
    run = expanded(run)
    folder = run / "checkpoints"
    steps = Checkpoints(folder, {}).steps()
    if not steps:
        got = (
            "a model folder" if (run / "config.json").is_file() else "one without" if run.is_dir() else "no such folder"
        )
        raise ValueError(
            f"{run}: wanted a run folder with checkpoints, got {got}; give the folder that training made, or leave "
            "--checkpoints out"
        )
    return [(step, folder / f"step-{step:06d}") for step in steps]


def chosen_checkpoints(run: str | Path, which: str = "all") -> list[tuple[int, Path]]:
    """All checkpoints of a run, or so many of them, evenly, the first and the last among them.

    which: "all", or a number of at least 2. ValueError for anything else."""
    found = kept_checkpoints(run)
    if which == "all":
        return found
    if not which.isdecimal() or int(which) < 2:
        raise ValueError(
            f"--checkpoints: wanted all, or a number of at least 2, got {which!r}; write --checkpoints all"
        )
    count = min(int(which), len(found))
    if len(found) < 2:
        return found
    return [found[round(place * (len(found) - 1) / (count - 1))] for place in range(count)]


def over_training(
    run: str | Path, measure: Measure, which: str = "all", *, device: str | torch.device = "cpu"
) -> Iterator[tuple[int, Mapping[str, float]]]:
    """For each chosen checkpoint its step, and `measure` of the model there; one model is in memory at a time."""
    for step, folder in chosen_checkpoints(run, which):
        yield step, measure(load(folder, device=device)[0])
