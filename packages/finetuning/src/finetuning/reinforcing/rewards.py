"""Rewards: any function of a prompt and an answer, two texts, that gives a number."""

import importlib.util
import math
from collections.abc import Callable

from workbench import expanded, file_digest, shorten

from ..tasks.kinds import is_solved

Reward = Callable[[str, str], float]


def task_reward(prompt: str, answer: str) -> float:
    """1 for the right answer to a task, else 0."""
    return float(is_solved(prompt, answer))


def read_reward(text: str) -> tuple[Reward, str]:
    """The function that FILE.py:FUNCTION names, and the SHA-256 of its file, which is run.

    Raises ValueError for another form, a file that cannot be run, and one without that function; OSError where there
    is no such file.
    """
    path, _, name = text.rpartition(":")
    if not path or not name.isidentifier():
        raise ValueError(f"--reward: wanted FILE.py:FUNCTION, got {text!r}; name a function in a file of Python")
    file = expanded(path)
    checksum = file_digest(file)
    spec = importlib.util.spec_from_file_location("finetuning_reward", file)
    if spec is None or spec.loader is None:
        raise ValueError(f"--reward {file}: wanted a file of Python, got another ending; name it .py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(
            f"--reward {file}: wanted a file that can be run, got {type(error).__name__}: {error}; correct it"
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        what = "nothing of that name" if function is None else f"a {type(function).__name__}"
        raise ValueError(f"--reward {text}: wanted a function {name}(prompt, answer), got {what}; define it")
    return function, checksum


def rewarded(reward: Reward, prompt: str, answer: str, where: str) -> float:
    """The reward of one answer. ValueError, with where it is and what it says, for a function that raises and for a
    number that is none."""
    sample = f"{where}, {shorten(repr(answer))} to {shorten(repr(prompt))}"
    try:
        given = reward(prompt, answer)
        value = math.nan if given is None else float(given)
    except Exception as error:
        raise ValueError(
            f"reward of {sample}: wanted a number, got {type(error).__name__}: {error}; correct the function"
        ) from error
    if given is None:
        raise ValueError(
            f"reward of {sample}: wanted a number, got None, as of a function without return; correct the function"
        )
    if not math.isfinite(value):
        raise ValueError(f"reward of {sample}: wanted a finite number, got {value}; correct the function")
    return value
