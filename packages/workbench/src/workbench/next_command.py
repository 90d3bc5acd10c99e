"""What one might type next, as it is typed here: by `uv run` in the workspace, bare where packages are installed."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path


def in_workspace(package: str | None = None) -> bool:
    """Whether the current folder is that of the workspace (with that package, or app)."""
    if not Path("uv.lock").is_file():
        return False
    kinds = (Path("packages"), Path("apps"))
    return any((kind / package).is_dir() if package else kind.is_dir() for kind in kinds)


def typed(package: str | None, command: str | Sequence[str]) -> str:
    """A command as it is typed here.

    package: the member whose command it is; None for a tool that all bring, such as tensorboard.
    command: a line as it stands, or its words, which are quoted where they need it.
    """
    line = command if isinstance(command, str) else shlex.join(command)
    if not in_workspace(package):
        return line
    return f"{_uv()} run --package {package} {line}" if package else f"{_uv()} run {line}"


def _uv() -> str:
    """`uv`, or where it lies in the workspace if the shell would not find it. `uv run` tells its own place in UV, and
    puts the environment's programs first on the path, which the shell that one types in does not have."""
    ours = Path(sys.prefix).resolve()
    shell = [place for place in os.get_exec_path() if ours not in Path(place).resolve().parents]
    running = Path(os.environ.get("UV", ""))
    if shutil.which("uv", path=os.pathsep.join(shell)) or not running.is_relative_to(Path.cwd()):
        return "uv"
    return running.relative_to(Path.cwd()).as_posix()


def next_lines(package: str | None, command: str | Sequence[str], before: str = "") -> str:
    """`Next:` and below it the command. before: what else to do first, such as "draw a digit, and"."""
    return f"{f'Next: {before}'.rstrip()}\n  {typed(package, command)}"


def tell_next(
    package: str | None, command: str | Sequence[str], before: str = "", *, beside_results: bool = False
) -> None:
    """Print `next_lines` after an empty line; beside_results: as one line on standard error, where what is on standard
    output may be read by a program."""
    if sys.stdout is not None:
        sys.stdout.flush()
    if not beside_results:
        sys.stdout.write(f"\n{next_lines(package, command, before)}\n")
        return
    sys.stderr.write(f"next: {f'{before} '.lstrip()}{typed(package, command)}\n")
