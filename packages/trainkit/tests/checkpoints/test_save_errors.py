"""What stands in the way of a checkpoint is said with what is left and what to do; nothing earlier is lost."""

import errno
import os
import re
import resource
import shutil

import pytest
from safetensors import SafetensorError

from trainkit import CheckpointError


class Failing:
    def __init__(self, error):
        self.error = error

    def save(self, folder):
        (folder / "half.bin").write_bytes(b"x" * 1000)
        raise self.error

    def load(self, folder):
        raise AssertionError("not reached")


CAUSES = {
    "file-size limit": (OSError(errno.EFBIG, "File too large"), r"ulimit -f"),
    "file-size limit in safetensors": (SafetensorError("Error: File too large (os error 27)"), r"ulimit -f"),
    "read-only": (OSError(errno.EROFS, "Read-only file system"), r"mount the disk so that it can be written"),
    "permission": (PermissionError(errno.EACCES, "Permission denied"), r"the permission to write there"),
    "broken disk": (OSError(errno.EIO, "Input/output error"), r"check the disk"),
    "open files": (OSError(errno.EMFILE, "Too many open files"), r"ulimit -n"),
    "another": (OSError(errno.ENAMETOOLONG, "File name too long"), r"mend that"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_any_failed_write_is_one_sentence_with_a_cure(cause, make, tmp_path):
    error, cure = CAUSES[cause]
    _, checkpoints = make(tmp_path)
    checkpoints.save(1)
    checkpoints.parts["more"] = Failing(error)
    with pytest.raises(
        OSError, match=rf"wanted to write the checkpoint of step 2, got '.*' after .* removed again; .*{cure}"
    ) as caught:
        checkpoints.save(2)
    assert caught.value.errno == (error.errno if isinstance(error, OSError) else errno.EFBIG)
    assert "earlier checkpoints [1] are intact" in str(caught.value)
    assert "and resume" in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "step-000001"]
    del checkpoints.parts["more"]
    assert checkpoints.load().step == 1


def test_a_real_limit_on_the_size_of_files(make, tmp_path):
    _, checkpoints = make(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
    try:
        with pytest.raises(OSError, match=r"step 1, got 'File too large'.*no earlier checkpoint.*ulimit -f") as caught:
            checkpoints.save(1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG
    assert checkpoints.steps() == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("free", [0, 30, 10**9])
def test_numbers_of_a_full_disk_agree_with_each_other(number, free, make, tmp_path, monkeypatch):
    """More is never free than is wanted, unless the sentence says so; it wants what the tensors take, not nothing."""
    _, checkpoints = make(tmp_path)
    checkpoints.parts = {"more": Failing(OSError(number, os.strerror(number))), **checkpoints.parts}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(0, 0, free))
    with pytest.raises(OSError, match=r"wanted room for the checkpoint of step 1") as caught:
        checkpoints.save(1)
    said = str(caught.value)
    needed = float(re.search(r"at least ([\d.]+) kB", said)[1])
    assert needed >= 1.0
    assert "no earlier checkpoint" in said
    if free < 1000:
        assert re.search(rf"got {free / 1e3:.1f} kB free after 1.0 kB were written and removed again", said)
        assert "free some space and resume" in said
    else:
        assert "though 1000.0 MB free is more" in said
        assert "look for a quota" in said


def test_an_error_that_explains_itself_keeps_its_words(make, tmp_path):
    _, checkpoints = make(tmp_path)
    checkpoints.parts["more"] = Failing(OSError(errno.EEXIST, "wanted another, got this; take that"))
    with pytest.raises(OSError, match=r"wanted another, got this; take that"):
        checkpoints.save(2)


DAMAGE = {
    "empty": b"",
    "zeros": b"\x00" * 300,
    "no UTF-8": b"\xff\xfe\x00",
    "words": b"hello",
    "a list": b"[1]",
    "nothing": b"null",
    "another object": b"{}",
    "thousands of brackets": b"[" * 100_000,
}


@pytest.mark.parametrize("file", ["state.json", "manifest.json", "../latest", "../best"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_an_empty_or_garbled_file_costs_one_checkpoint_at_most(damage, file, make, tmp_path, caplog):
    _, checkpoints = make(tmp_path, keep=3)
    for step in (1, 2):
        checkpoints.save(step, score=1.0)
    (tmp_path / "step-000002" / file).write_bytes(DAMAGE[damage])
    pointer = file.startswith("..")
    assert checkpoints.load().step == (2 if pointer else 1)
    assert ("cannot be trusted" in caplog.text) != pointer
    assert checkpoints.load("best").step == 1
    checkpoints.save(3, score=2.0)
    assert (tmp_path / "best").read_text() == "step-000001\n"
    if not pointer:
        with pytest.raises(CheckpointError, match=r"use an earlier checkpoint"):
            checkpoints.load(2)
