"""What a person may say to `experiments`: read before torch is imported."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

PlanFile = Positional[Annotated[Path, arg(metavar="PLAN.toml")]]


def _shown(metavar: str, default: str) -> Any:
    return arg(metavar=metavar, help_behavior_hint=f"(default: {default})")


@dataclass(frozen=True)
class RunSettings:
    """Do all runs of a plan, recipes x texts x seeds, in processes on the free cores. Killed at any time, the same
    command goes on: no run is lost, none is done twice.

    A plan is TOML: seeds = 5 or a list of them, a [[texts]] with name and path, and for each recipe a [[recipes]] with
    name, recipe = "small", and what it does otherwise, by the options of `train`.
    """

    plan: PlanFile
    """The plan."""
    out: Annotated[Path | None, _shown("DIR", "the plan's name without .toml, beside it")] = None
    """Where results.jsonl, page.html and the runs go."""
    processes: Annotated[int | None, _shown("N", "as many as the cores have room for")] = None
    """Runs at a time."""
    json: bool = False
    """Print JSON."""


@dataclass(frozen=True)
class CompareSettings:
    """Compare two recipes of a sweep, paired by text and seed: the difference with its interval, and CPU seconds.

    With one name: every other recipe with that one, a line each.
    """

    first: Positional[Annotated[str, arg(metavar="A")]]
    """A recipe of the plan."""
    second: Positional[Annotated[str | None, _shown("B", "all others, in turn")]] = None
    """Another one: the difference is B minus A."""
    results: Annotated[Path | None, _shown("DIR", "the only folder here that has some")] = None
    """Folder of the sweep, or its results.jsonl."""
    json: bool = False
    """Print JSON."""


@dataclass(frozen=True)
class SearchSettings:
    """Look for good values of some fields of a recipe, which the table [search] of a plan lists: a list of values, or
    {low = 1e-3, high = 1e-1, log = true}. Names the plan with new seeds that says whether the winner is really better.
    """

    plan: PlanFile
    """A plan with one recipe and a table [search]."""
    method: Literal["grid", "random", "halving"] = "grid"
    """grid: all combinations; random: drawn; halving: drawn, run briefly, the better third three times as long."""
    trials: Annotated[int, arg(metavar="N")] = 9
    """Combinations that are drawn: random and halving."""
    out: Annotated[Path | None, _shown("DIR", "the plan's name and the method, beside it")] = None
    """Where results go."""
    processes: Annotated[int | None, _shown("N", "as many as the cores have room for")] = None
    """Runs at a time."""
    json: bool = False
    """Print JSON."""


@dataclass(frozen=True)
class ScaleSettings:
    """Train models of several sizes with several budgets of compute, fit how the loss falls, and predict a run of four
    times the largest budget before it is made. The table [scale] of a plan lists sizes and budgets:
    widths = [32, 48, 64], budgets = [1e11, 2e11, 4e11] (floating-point operations)."""

    plan: PlanFile
    """A plan with one recipe, one text and a table [scale]."""
    out: Annotated[Path | None, _shown("DIR", "the plan's name and -scale, beside it")] = None
    """Where results go."""
    processes: Annotated[int | None, _shown("N", "as many as the cores have room for")] = None
    """Runs at a time."""
    json: bool = False
    """Print JSON."""


@dataclass(frozen=True)
class AverageSettings:
    """Average the weights of checkpoints of one run, or of models with one beginning, into a model folder."""

    checkpoints: Positional[Annotated[tuple[Path, ...], arg(metavar="CKPT...", help_behavior_hint="(required)")]]
    """Checkpoints or model folders, two or more of one shape and one tokenizer."""
    out: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(required)")] = None
    """Model folder to make."""
    text: Annotated[Path | None, _shown("FILE", "nothing is judged")] = None
    """Text that none of them learned from: each and their average are judged on it."""
    json: bool = False
    """Print JSON."""


@dataclass(frozen=True)
class PageSettings:
    """Write the page of a sweep again: loss against CPU seconds, in one file."""

    results: Positional[Annotated[Path, arg(metavar="DIR")]]
    """Folder of the sweep."""
    out: Annotated[Path | None, _shown("FILE", "DIR/page.html")] = None
    """The page."""
