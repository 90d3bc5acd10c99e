"""One of two processes whose checkpoints fail in one of them: `failure_script.py RANK FOLDER`; for test_ranks."""

import errno
import json
import sys
from datetime import timedelta
from pathlib import Path

import torch.distributed as dist
from torch import nn

from trainkit import Checkpoints, ModulePart, RandomPart
from trainkit.checkpoints import checkpoints as checkpoints_module


class Failing:
    """A part that fails in one process, after what it does together with the other."""

    def __init__(self, rank):
        self.rank = rank

    def save(self, folder):
        dist.barrier()
        if dist.get_rank() == self.rank:
            raise OSError(errno.EIO, "the disk broke")
        (folder / "other.txt").write_text("x")

    def load(self, folder):
        pass


def outcome(call):
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "saved"


def fail_to_rename(*paths):
    raise OSError(errno.ENOSPC, "no room")


def main(rank, folder):
    rank, folder = int(rank), Path(folder)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2, timeout=timedelta(minutes=2)
    )
    good = {"model": ModulePart(nn.Linear(2, 2)), "random": RandomPart()}
    checkpoints = Checkpoints(folder / "run", good)
    told = {"good": outcome(lambda: checkpoints.save(1))}
    for failing in (0, 1):
        parts = {"model": good["model"], "failing": Failing(failing), "random": good["random"]}
        told[f"part of {failing}"] = outcome(lambda parts=parts: Checkpoints(folder / "run", parts).save(2))
    if rank == 0:
        (folder / "file").write_text("not a folder")
        kept, checkpoints_module.replace_folder = (
            checkpoints_module.replace_folder,
            fail_to_rename,
        )
    told["rename"] = outcome(lambda: checkpoints.save(2))
    if rank == 0:
        checkpoints_module.replace_folder = kept
    told["folder"] = outcome(lambda: Checkpoints(folder / "file", good).save(1))
    told["load"] = outcome(lambda: checkpoints.load("newest"))
    told["steps"] = checkpoints.steps()
    (folder / f"told-{rank}.json").write_text(json.dumps(told))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
