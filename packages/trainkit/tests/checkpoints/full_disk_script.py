"""Fills a small disk with checkpoints; for test_checkpoints: `full_disk_script.py FOLDER`.

The disk is mounted in a mount namespace of this process and goes with it, however it ends.
"""

import ctypes
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from trainkit import Checkpoints, ModulePart, OptimizerPart, adamw

NEW_MOUNTS = 0x20000
"""Linux: CLONE_NEWNS."""


def mount_small_disk(folder):
    """A disk of 300 kB that only this process and its children see; the exit code 77 where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_MOUNTS):
        (folder / "why").write_text(f"unshare: {os.strerror(ctypes.get_errno())}")
        sys.exit(77)
    disk = folder / "disk"
    disk.mkdir()
    for words in (["--make-rprivate", "/"], ["-t", "tmpfs", "-o", "size=300k", "tmpfs", disk]):
        done = subprocess.run(["mount", *words], capture_output=True, text=True)
        if done.returncode:
            (folder / "why").write_text(done.stderr.strip())
            sys.exit(77)
    return disk


def main(folder):
    disk = mount_small_disk(Path(folder))
    model = nn.Linear(10_000, 2)
    optimizer = adamw(model, 0.1)
    model(torch.ones(1, 10_000)).sum().backward()
    optimizer.step()
    parts = {"model": ModulePart(model), "optimizer": OptimizerPart(optimizer, model)}  # 240 kB
    checkpoints = Checkpoints(disk / "run", parts)
    checkpoints.save(1)
    with pytest.raises(OSError, match=r"at least 0\.\d MB, got [\d.]+ [kM]B free") as full:
        checkpoints.save(2)
    assert full.value.errno == errno.ENOSPC
    assert sorted(path.name for path in (disk / "run").iterdir()) == ["latest", "step-000001"]
    assert checkpoints.load().step == 1
    subprocess.run(["mount", "-o", "remount,size=2m", disk], check=True)
    checkpoints.save(2)
    assert checkpoints.load().step == 2


if __name__ == "__main__":
    main(*sys.argv[1:])
