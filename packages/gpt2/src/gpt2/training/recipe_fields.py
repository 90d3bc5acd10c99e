"""The fields of a recipe: `Recipe` and `GPT2Config` are the table, and what reads or changes a recipe goes by it.

The options of `train`, the TOML of `gpt2 recipe` and `run.json` all have the names, kinds and words that stand there.
"""

import ast
import dataclasses
import inspect
import math
import textwrap
from functools import cache
from itertools import pairwise
from typing import Any

from ..config import GPT2Config
from ..recipes import Recipe

AT_LEAST = {"steps": 1, "batch_size": 1, "evaluations": 1, "warmup": 0, "weight_decay": 0}
ABOVE_ZERO = ("learning_rate", "adam_learning_rate")
BELOW_ONE = {
    "half_context": "a share in [0, 1)",
    "batch_ramp": "a share in [0, 1)",
    "lookahead": "a share in [0, 1)",
    "held_out": "a share in (0, 1)",
}

NO_OPTIONS = {"name", "config", "end_ids"}
"""Fields that `train` takes from files only: the name, the table of the shape, and the ids that end a text."""
SHAPE = tuple(field.name for field in dataclasses.fields(GPT2Config) if field.name not in NO_OPTIONS)
"""Those of `Recipe.config` that are options of `train`."""
TRAINING = tuple(field.name for field in dataclasses.fields(Recipe) if field.name not in NO_OPTIONS)
"""Those of `Recipe` itself."""
DECIDED_APART = {"tokenizer", "precision"}
"""Of these the settings of `train` may say more than a recipe."""


def value_of(made: Recipe, name: str) -> Any:
    """The value of a field of the recipe, or of its shape."""
    return getattr(made.config if name in SHAPE else made, name)


def changed(made: Recipe, given: dict[str, Any]) -> Recipe:
    """The recipe with other values of some fields of its own or of its shape; None leaves a field as it is.

    ValueError, which names the option of `train`, for what cannot be.
    """
    shape = {name: value for name in SHAPE if (value := given.get(name)) is not None}
    rest = {name: given.get(name) for name in TRAINING if name not in DECIDED_APART}
    try:
        new = made.replace(config=made.config.replace(**shape), **rest)
        check_ranges(new)
    except ValueError as error:
        raise ValueError(as_option(str(error))) from None
    return new


def as_option(message: str) -> str:
    """A message that begins with the name of a field, so that it begins with the option of `train`."""
    name, colon, rest = message.partition(":")
    return f"--{name.replace('_', '-')}{colon}{rest}"


def check_ranges(made: Recipe) -> None:
    """ValueError that begins with the name of a field that is out of its range."""
    for name in (*AT_LEAST, *ABOVE_ZERO, *BELOW_ONE):
        check_range(name, getattr(made, name))
    if made.half_context and made.config.n_ctx < 2:
        raise ValueError("half_context: wanted 0 with a context of one token, got a share; correct it")
    if made.batch_ramp and made.batch_size % 2:
        raise ValueError(
            f"batch_ramp: wanted 0, or a batch that can be halved, got a batch of {made.batch_size}; make it even"
        )


def check_range(name: str, value: int | float) -> None:
    """The same for one value."""
    if name in AT_LEAST and not AT_LEAST[name] <= value < math.inf:
        raise ValueError(f"{name}: wanted at least {AT_LEAST[name]}, got {value}; correct it")
    if name in ABOVE_ZERO and not 0 < value < math.inf:
        raise ValueError(f"{name}: wanted a number above 0, got {value}; correct it")
    if name in BELOW_ONE and (not 0 <= value < 1 or (name == "held_out" and not value)):
        raise ValueError(f"{name}: wanted {BELOW_ONE[name]}, got {value}; correct it")


def meaning(name: str) -> str:
    """What a field is, as its docstring says."""
    return docstrings(GPT2Config if name in SHAPE else Recipe).get(name, "")


@cache
def docstrings(kind: Any) -> dict[str, str]:
    """What stands below the fields of a dataclass in its source, by field, each in one line."""
    [body] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    statements = body.body if isinstance(body, ast.ClassDef) else []
    return {
        field.target.id: " ".join(told.value.value.split())
        for field, told in pairwise(statements)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(told, ast.Expr) and isinstance(told.value, ast.Constant) and isinstance(told.value.value, str)
    }
