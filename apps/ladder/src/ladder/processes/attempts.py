"""One check of one file, within the process that is meant for it: from the file to a verdict in plain words."""

import ast
import importlib
import importlib.util
import linecache
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from workbench import BrokenClaim

from ..checks.comparing import Raised, Refuted, Timing
from ..exercise import NOT_WRITTEN, Exercise
from .guard import MODULE, Refused, refused
from .jobs import exercise_of
from .worker import Tell

PASSED, OPEN, FAILED = "passed", "open", "failed"
"""It holds; nothing is written yet; something does not hold."""
SMALLEST = "smallest input that shows it:"
Answer = dict[str, Any]
"""state, lines (what to tell), seconds (of the calls, where they are measured)."""


def answer(job: dict[str, Any], tell: Tell) -> Answer:
    """The answer to a job of `jobs.check_job`."""
    return attempt(exercise_of(job), Path(job["path"]), job["measured"])


def attempt(exercise: Exercise, path: Path, measured: bool = False) -> Answer:
    """The verdict on the file."""
    try:
        mine = load(exercise, path)
        torch.manual_seed(0)
        Timing.measuring, Timing.seconds, Refuted.slips = measured, 0.0, set()
        check_of(exercise)(mine)
    except Exception as error:
        return answer_for(error, exercise, path)
    except SystemExit:
        return failed("your code ends the program (exit); let the function return instead")
    return {"state": PASSED, "lines": [], "seconds": Timing.seconds}


class Unreadable(Exception):
    """The file cannot be run at all; says why in a sentence."""


def load(exercise: Exercise, path: Path) -> types.ModuleType:
    """The learner's module. Unreadable or Refused in a sentence, or whatever the module raises."""
    try:
        source = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise Unreadable(f"the file is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    try:
        tree = ast.parse(source, str(path))
    except SyntaxError as error:
        raise Unreadable(spelled(error, source)) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(f"Python cannot read the file: {error}") from None
    if sentence := refused(tree, exercise.without):
        raise Refused(sentence)
    if missing := defined(ast.parse(exercise.source)) - defined(tree):
        raise Unreadable(
            f"{path.name} has no {' and no '.join(sorted(missing))} any more; the check looks for that name, so bring "
            f"it back (`ladder reset {exercise.name}` keeps yours as a backup)"
        )
    module = types.ModuleType(MODULE + exercise.name)
    module.__file__ = str(path)
    linecache.cache[str(path)] = (len(source), None, source.splitlines(keepends=True), str(path))
    exec(compile(tree, str(path), "exec"), module.__dict__)
    return module


def defined(tree: ast.Module) -> set[str]:
    """The functions and classes at the top of a file."""
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def spelled(error: SyntaxError, source: str) -> str:
    """Line, what is wrong with it, and the line."""
    lines = source.splitlines()
    line = lines[error.lineno - 1].strip() if error.lineno and error.lineno <= len(lines) else ""
    shown = f"\n    {line}" if line else ""
    return f"line {error.lineno}: Python cannot read this: {error.msg}{shown}"


def check_of(exercise: Exercise) -> Callable[[Any], None]:
    """The function that tries it."""
    if isinstance(exercise.check, str):
        found: Callable[[Any], None] = getattr(importlib.import_module(exercise.check), exercise.name)
        return found
    specification = importlib.util.spec_from_file_location(f"check_of_{exercise.name}", exercise.check)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    if not hasattr(module, "check"):
        raise Unreadable(f"{exercise.check}: wanted a function check(mine), got none; write it")
    own: Callable[[Any], None] = module.check
    return own


def answer_for(error: BaseException, exercise: Exercise, path: Path) -> Answer:
    """What to tell of an error: the claim that broke, or where the learner's own code went wrong."""
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    root = causes[-1]
    if NOT_WRITTEN in str(root):
        return {"state": OPEN, "lines": [f"not written yet: {path.name}, {place_of(root, path) or 'the hole'}"]}
    if isinstance(root, Refused | Unreadable):
        return failed(str(root))
    where = place_of(root, path)
    if isinstance(error, BrokenClaim):
        first = error.broken[0]
        lines = [first.claim, *([f"for        {first.smallest}"] if first.smallest else [])]
        lines += [line.strip().replace(SMALLEST, "for       ") for line in first.evidence.splitlines() if line.strip()]
        more = [f"and {broken.claim}: {' '.join(broken.evidence.split())}" for broken in error.broken[1:3]]
        return failed(*lines, *more, *([f"from {where}"] if where and root is not error else []))
    given = [f"for        {error}"] if isinstance(error, Raised) else []
    said = f"{type(root).__name__}: {' '.join(str(root).split())[:400]}"
    if isinstance(root, NameError) and root.name in ("torch", "np", "numpy", "math"):
        said += f" (`import {'numpy as np' if root.name == 'np' else root.name}` at the top of the file brings it)"
    if where is None and isinstance(root, AssertionError) and str(root):
        return failed(*str(root).splitlines())
    if where is None:
        return failed("the check could not use what your code gave", *given, said)
    return failed(f"your code raised {said}", *given, f"in {where}")


def place_of(error: BaseException, path: Path) -> str | None:
    """The last line of the learner's file that an error came through, as one reads it."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"line {frames[-1].lineno}: {(frames[-1].line or '').strip()}".rstrip(": ") if frames else None


def failed(*lines: str) -> Answer:
    """Something does not hold."""
    return {"state": FAILED, "lines": list(lines)}
