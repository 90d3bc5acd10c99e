"""What each recipe of a plan costs in CPU seconds beside its first, on the plan's first text.

    uv run python tests/benchmarks/tricks_cost.py [--plan apps/experiments/plans/tricks.toml]

The runs are real ones, and take their steps in turn in one process and one thread, so that what else the machine does
meets all of them alike; the CPU seconds of a sweep are of different hours. "begin" is what comes before the first step
(the text is tokenized by then), "step" the median; "run" is all of it, without evaluation and files, as a ratio.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import gpt2
from experiments import Run, read_plan
from experiments.facts import named

PLAN = Path(__file__).parents[2] / "apps/experiments/plans/tricks.toml"


class Timed:
    """A run, a step at a time, with the CPU seconds of its beginning and of each step but the last, which ends it."""

    def __init__(self, run: Run, folder: Path) -> None:
        where: dict[str, Any] = {"text": run.path, "out": folder / run.recipe, "recipe": named(run.base)}
        began = time.thread_time()
        training = gpt2.run(gpt2.TrainSettings(**{**run.changes, **where}, device="cpu"))
        self.begin, self.steps = time.thread_time() - began, list[float]()
        self.total, self.left = training.total, iter(training)

    def take(self) -> bool:
        if len(self.steps) == self.total - 1:
            return False
        began = time.thread_time()
        next(self.left)
        self.steps.append(time.thread_time() - began)
        return True


def turns(plan: Path, folder: Path) -> Iterator[tuple[str, Timed]]:
    every = read_plan(plan).runs
    first = every[0]
    runs = {run.recipe: run for run in every if (run.text, run.seed) == (first.text, first.seed)}
    gpt2.run(gpt2.TrainSettings(text=first.path, recipe=named(first.base), out=folder / "warm", **first.changes))
    timed = {name: Timed(run, folder) for name, run in runs.items()}
    while any([one.take() for one in timed.values()]):
        pass
    yield from timed.items()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, default=PLAN)
    plan = parser.parse_args().plan
    print(f"{'recipe':16}{'begin, s':>10}{'step, ms':>10}{'run':>7}")
    base: float | None = None
    with tempfile.TemporaryDirectory() as folder:
        for name, one in turns(plan, Path(folder)):
            whole = one.begin + sum(one.steps)
            base = base or whole
            print(f"{name:16}{one.begin:10.2f}{1000 * median(one.steps):10.1f}{whole / base:7.2f}")


if __name__ == "__main__":
    main()
