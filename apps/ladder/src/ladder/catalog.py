"""The rungs in their order, and the exercises of a teacher's own: folders with a file with holes and a check."""

from difflib import get_close_matches
from functools import cache
from pathlib import Path

from .exercise import Exercise

RUNGS = Path(__file__).parent / "rungs"
SPRINTS: dict[str, tuple[str, ...]] = {
    "tensors": (
        "broadcasting",
        "backward_add_multiply",
        "backward_matmul",
        "backward_softmax",
        "hidden_layer",
        "convolution",
    ),
    "dataio": ("resumable_shuffle", "padding", "windows"),
    "trainkit": ("training_step", "accumulation", "adam", "cosine"),
    "runs": ("early_stopping", "checkpoint"),
    "embeddings": ("bigrams", "lookup", "sinusoids", "rotary"),
    "attention": ("causal_mask", "attention", "heads", "cache"),
    "transformer": ("layer_norm", "gelu", "residual", "block"),
    "gpt2": ("forward", "tied_head", "initial_weights"),
    "tokenizer": ("learn_merges", "encode_piece", "decode_ids"),
    "evaluation": ("loss", "bits_per_byte", "perplexity"),
    "decoding": ("temperature", "top_p", "beam_search"),
    "beyond": ("int8", "lora"),
}
"""The parts of the ladder from the ground up, and the rungs of each."""


@cache
def exercises() -> tuple[Exercise, ...]:
    """All rungs, numbered from 1."""
    names = [(sprint, name) for sprint, rungs in SPRINTS.items() for name in rungs]
    return tuple(
        Exercise(name, sprint, RUNGS / sprint / f"{name}.py", f"ladder.checks.{sprint}", number)
        for number, (sprint, name) in enumerate(names, start=1)
    )


def course(folder: Path) -> tuple[Exercise, ...]:
    """The exercises of a teacher: those of the folders in it, by name, or the one that the folder itself is.

    Such a folder has `check.py`, a function `check(mine)` that raises AssertionError, and one more Python file, which
    is right and has a hole; the text is in `text.md`, or the docstring of that file. ValueError where there is none.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: wanted a folder with exercises, got none; name one that exists")
    whole = (folder, *sorted(path for path in folder.iterdir() if path.is_dir()))
    found = [own_exercise(path) for path in whole if (path / "check.py").is_file()]
    if not found:
        raise ValueError(
            f"{folder}: wanted a folder with check.py and a file with a hole, or folders of that kind, got neither; "
            "the README of ladder shows one"
        )
    return tuple(exercise.at(number) for number, exercise in enumerate(found, start=1))


def own_exercise(folder: Path) -> Exercise:
    """The exercise of one folder."""
    folder = folder.resolve()
    files = [path for path in sorted(folder.glob("*.py")) if path.name != "check.py"]
    if len(files) != 1:
        named = ", ".join(path.name for path in files) or "none"
        raise ValueError(f"{folder}: wanted one Python file beside check.py, the one with the hole, got {named}")
    text = folder / "text.md"
    said = text.read_text("utf-8").strip() if text.is_file() else ""
    exercise = Exercise(files[0].stem, folder.name, files[0], folder / "check.py", said=said)
    assert exercise.source  # or it says what is wrong
    return exercise


def named(name: str, known: tuple[Exercise, ...]) -> Exercise:
    """The exercise that is called so: by its name, its number, or the name of its file. ValueError for another."""
    wanted = Path(name).name.removesuffix(".py")
    for exercise in known:
        if wanted in (exercise.name, str(exercise.number), exercise.file_name.removesuffix(".py")):
            return exercise
    near = get_close_matches(wanted, [exercise.name for exercise in known], n=1)
    advice = f"did you mean {near[0]}?" if near else "`ladder` lists all"
    raise ValueError(f"wanted the name or the number of an exercise, got {name!r}; {advice}")
