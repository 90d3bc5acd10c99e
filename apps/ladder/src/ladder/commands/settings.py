"""What one can type after `ladder`. Needs no torch, so that --help answers at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

Dir = Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(default: around here, or my-gpt2)")]
Name = Annotated[str | None, arg(metavar="NAME", help_behavior_hint="(default: the one you are at)")]
Seconds = Annotated[float, arg(metavar="S")]


@dataclass(frozen=True)
class Status:
    """Show where you are, and what is next."""

    dir: Dir = None
    """Folder with the exercises."""


@dataclass(frozen=True)
class Start:
    """Copy the exercises into a folder. Files that are there already stay as they are."""

    folder: Positional[Annotated[Path, arg(metavar="DIR")]] = Path("my-gpt2")
    """Folder to make, or to complete."""
    course: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: ours)")] = None
    """A teacher's own exercises: a folder of folders, each with text.md, a Python file with a hole, and check.py."""


@dataclass(frozen=True)
class Check:
    """Check one exercise, or all that you have begun."""

    name: Positional[Annotated[str | None, arg(metavar="NAME", help_behavior_hint="(default: all begun)")]] = None
    """Name, number or file of an exercise."""
    dir: Dir = None
    """Folder with the exercises."""
    seconds: Seconds = 10.0
    """What a check may take."""


@dataclass(frozen=True)
class Watch:
    """Check every file as soon as you save it, until Ctrl-C."""

    dir: Dir = None
    """Folder with the exercises."""
    seconds: Seconds = 10.0
    """What a check may take."""


@dataclass(frozen=True)
class Hint:
    """Say a little more about an exercise; again and again, three times for each hole."""

    name: Positional[Name] = None
    """Name, number or file of an exercise."""
    dir: Dir = None
    """Folder with the exercises."""


@dataclass(frozen=True)
class Show:
    """Show our solution beside yours, once yours passes."""

    name: Positional[Annotated[str, arg(metavar="NAME")]]
    """Name, number or file of an exercise."""
    dir: Dir = None
    """Folder with the exercises."""


@dataclass(frozen=True)
class Reset:
    """Bring an exercise back as it came. Yours is kept beside it."""

    name: Positional[Annotated[str, arg(metavar="NAME")]]
    """Name, number or file of an exercise."""
    dir: Dir = None
    """Folder with the exercises."""


@dataclass(frozen=True)
class Build:
    """Put your pieces together into a GPT-2, train it, and set it beside ours."""

    dir: Dir = None
    """Folder with the exercises."""
    out: Annotated[
        Path | None, arg(metavar="DIR", help_behavior_hint="(default: the next free of DIR/build-001, ...)")
    ] = None
    """Folder to make: model, tokenizer, recipe, samples."""
    text: Annotated[str | None, arg(metavar="PATH", help_behavior_hint="(default: Python's own documentation)")] = None
    """Text to learn from: a UTF-8 file, a folder or a quoted glob."""
    steps: Annotated[
        int | None, arg(metavar="N", help_behavior_hint="(default: 200, fewer where your code is slow)")
    ] = None
    """Optimizer steps."""
    prompt: Annotated[str, arg(metavar="TEXT")] = "The"
    """What the samples begin with."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Picks initial weights, the order of the data, and the samples."""
    fill: Annotated[bool, arg(name="fill")] = False
    """Take ours for pieces that do not pass yet."""
    minutes: Annotated[float, arg(metavar="M")] = 10.0
    """What it may take, ours beside it not counted: slow code gets fewer steps."""


@dataclass(frozen=True)
class Grade:
    """Check the folders of several learners."""

    folders: Positional[Annotated[tuple[Path, ...], arg(metavar="DIR")]]
    """Their folders."""
    json: Annotated[bool, arg(name="json")] = False
    """One JSON object a folder."""
    course: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: that of each folder)")] = None
    """The exercises that they are checked by."""
    seconds: Seconds = 10.0
    """What a check may take."""


@dataclass(frozen=True)
class Lesson:
    """Show the lesson of a package, or write it as a notebook."""

    name: Positional[Annotated[str, arg(metavar="NAME")]]
    """A package, such as attention."""
    notebook: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: show it here)")] = None
    """Write it as a notebook (.ipynb)."""
