"""Two names change places in one step, or nothing happens."""

import errno
import os
import sys
from pathlib import Path

import pytest

from workbench.files import exchange as module
from workbench.files.exchange import exchange


def two_folders(place: Path) -> tuple[Path, Path]:
    one, other = place / "one", place / "ö other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "name").write_text(folder.name)
    return one, other


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has renameat2")
def test_two_folders_change_places(tmp_path: Path):
    one, other = two_folders(tmp_path)
    numbers = one.stat().st_ino, other.stat().st_ino
    if not exchange(one, other):
        pytest.skip("this kernel or file system has no RENAME_EXCHANGE")
    assert (other.stat().st_ino, one.stat().st_ino) == numbers
    assert ((one / "name").read_text(), (other / "name").read_text()) == ("ö other", "one")
    assert exchange(one / "name", other), "a file and a folder, too"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has renameat2")
def test_a_name_that_is_not_there_is_the_usual_error(tmp_path: Path):
    one, _ = two_folders(tmp_path)
    if not exchange(one, one):
        pytest.skip("this kernel or file system has no RENAME_EXCHANGE")
    with pytest.raises(FileNotFoundError) as caught:
        exchange(one, tmp_path / "none")
    assert (caught.value.filename, caught.value.filename2) == (str(one), str(tmp_path / "none"))
    assert one.is_dir()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EINVAL, errno.EPERM])
def test_a_system_without_that_step_says_so(tmp_path: Path, monkeypatch, number):
    one, other = two_folders(tmp_path)

    def refused(*words: object) -> int:
        module.ctypes.set_errno(number)
        return -1

    monkeypatch.setattr(module, "_renameat2", lambda: refused)
    assert not exchange(one, other)
    monkeypatch.setattr(module, "_renameat2", lambda: None)
    assert not exchange(one, other)
    assert (one / "name").read_text() == "one"


def test_another_error_is_none_of_these(tmp_path: Path, monkeypatch):
    def full(*words: object) -> int:
        module.ctypes.set_errno(errno.ENOSPC)
        return -1

    monkeypatch.setattr(module, "_renameat2", lambda: full)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        exchange(*two_folders(tmp_path))
