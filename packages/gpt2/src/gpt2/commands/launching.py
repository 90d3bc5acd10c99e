"""Starting several processes, and what the attempts of one launch know of each other. Nothing here imports torch.

torchrun starts all processes again when one of them dies. A new attempt has the arguments of the first, so what the
first made of them is noted in the folder that torchrun keeps for the whole launch.
"""

import dataclasses
import hashlib
import os
import sys
from pathlib import Path
from typing import NoReturn

from ..training.settings import TrainSettings

RESTARTS = 3
"""Deaths of a process that `--processes` survives."""


def wanted_processes(settings: TrainSettings) -> int:
    """How many processes have still to be started: 0 where this is one of them, or where one is enough.

    Raises ValueError where torchrun started another number than the settings say.
    """
    running = os.environ.get("WORLD_SIZE")
    if running is None:
        return settings.processes if settings.processes and settings.processes > 1 else 0
    if settings.processes is not None and settings.processes != int(running):
        raise ValueError(
            f"--processes: wanted {running}, as torchrun has started, got {settings.processes}; leave --processes out "
            f"under torchrun"
        )
    return 0


def launch(module: str, arguments: list[str], processes: int) -> NoReturn:
    """Become `torchrun -m MODULE ARGUMENTS` with so many processes on this machine."""
    # Each process its share of the cores: torch would give all of them to each.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    options = ["--standalone", f"--nproc-per-node={processes}", f"--max-restarts={RESTARTS}"]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "torch.distributed.run", *options, "-m", module, *arguments])


def is_restart() -> bool:
    """Whether torchrun had to start this process again."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def after_restart(settings: TrainSettings) -> TrainSettings:
    """The settings; in a later attempt of a launch those that resume the run that an earlier one began."""
    folder = settings.out or recall("folder")
    if not is_restart() or settings.resume is not None or folder is None or not Path(folder, "run.json").exists():
        return settings
    return dataclasses.replace(settings, out=None, resume=Path(folder))


def note(name: str, text: str = "") -> None:
    """Tell later attempts of this launch; nothing without torchrun."""
    if (folder := _notes()) is not None:
        (folder / name).write_text(text, encoding="utf-8")


def recall(name: str) -> str | None:
    """What an earlier attempt of this launch noted, or None."""
    folder = _notes()
    return (folder / name).read_text(encoding="utf-8") if folder is not None and (folder / name).exists() else None


def tell_once(message: str) -> bool:
    """Whether nobody of this launch has told this error yet. From then on further attempts would end in it, too."""
    folder = _notes()
    try:
        if folder is not None:
            (folder / f"told-{hashlib.sha256(message.encode()).hexdigest()[:16]}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def has_told() -> bool:
    """Whether an earlier attempt ended in an error that was told: trying again would only say it again."""
    folder = _notes()
    return is_restart() and folder is not None and any(folder.glob("told-*"))


def _notes() -> Path | None:
    """torchrun's folder of this launch: it holds attempt_0/RANK/error.json, attempt_1/RANK/error.json, …"""
    file = os.environ.get("TORCHELASTIC_ERROR_FILE")
    folder = Path(file).parents[2] if file else None
    return folder if folder is not None and folder.is_dir() else None
