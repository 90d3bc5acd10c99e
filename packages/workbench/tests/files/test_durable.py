"""Files come to be whole or not at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

from workbench import (
    give_usual_mode,
    is_full,
    make_folder,
    replace_files,
    replace_folder,
    sync,
    whole_file,
    whole_folder,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def flushed(monkeypatch):
    """What was flushed, in order: the names at that moment."""
    seen: list[str] = []
    kept = os.fsync

    def fsync(descriptor: int) -> None:
        seen.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name if os.path.isdir("/proc/self/fd") else "?")
        kept(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


def test_a_text_is_written_exactly_and_replaced_in_one_step(tmp_path: Path):
    path = tmp_path / "a.txt"
    write_text(path, "one\r\ntwo\n世")
    assert path.read_bytes() == "one\r\ntwo\n世".encode()
    with path.open("rb") as reader:
        write_text(path, "new")
        assert reader.read() == "one\r\ntwo\n世".encode(), "who opened the old one reads it to its end"
    assert path.read_text("utf-8") == "new"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="only Linux says which file a descriptor is")
def test_content_is_flushed_before_the_name_and_the_folder_after(tmp_path: Path, flushed):
    write_text(tmp_path / "a.txt", "x")
    assert flushed == [f".a.txt.part-{os.getpid()}", tmp_path.name]


@pytest.mark.parametrize("error", [OSError(28, "full"), KeyboardInterrupt()])
def test_a_writer_that_fails_leaves_the_old_content_and_nothing_aside(tmp_path: Path, error):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def write() -> None:
        with whole_file(path) as aside:
            aside.write_bytes(b"half")
            assert aside.name.startswith(".a.bin.part-")
            raise error

    with pytest.raises(type(error)):
        write()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_a_writer_that_wrote_nothing_is_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a"):
        pass
    assert names(tmp_path) == []


def test_files_that_belong_together_are_all_aside_before_one_is_renamed(tmp_path: Path, monkeypatch):
    weights, about = tmp_path / "weights", tmp_path / "about.json"
    replace_files({weights: b"1", about: b"{}"})
    assert (weights.read_bytes(), about.read_bytes()) == (b"1", b"{}")
    kept = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if "about" in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return kept(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        replace_files({weights: b"2", about: b"{2}"})
    assert (weights.read_bytes(), about.read_bytes()) == (b"1", b"{}")
    assert names(tmp_path) == ["about.json", "weights"]


def test_a_folder_comes_to_be_whole(tmp_path: Path):
    target = tmp_path / "deep" / "model"
    with whole_folder(target) as aside:
        (aside / "inner").mkdir()
        (aside / "inner" / "a").write_text("one")
        assert not target.exists()
    assert (target / "inner" / "a").read_text() == "one"
    with whole_folder(target) as aside:
        (aside / "b").write_text("two")
    assert names(target) == ["b"]
    assert names(target.parent) == ["model"]


def test_a_folder_that_fails_leaves_the_old_one(tmp_path: Path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "a").touch()

    def write() -> None:
        with whole_folder(target) as aside:
            (aside / "b").touch()
            raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        write()
    assert (names(tmp_path), names(target)) == (["model"], ["a"])


def test_a_folder_takes_the_place_of_another(tmp_path: Path):
    staged, final = tmp_path / "staged", tmp_path / "final"
    for folder in (staged, final):
        folder.mkdir()
        (folder / folder.name).touch()
    replace_folder(staged, final, tmp_path / "replaced")
    assert (names(tmp_path), names(final)) == (["final"], ["staged"])


def test_a_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path):
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"wanted a folder that can be made, got .*; name another") as caught:
        make_folder(tmp_path / "file")
    assert (caught.value.errno, caught.value.filename) == (errno.EEXIST, str(tmp_path / "file"))


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_a_private_file_gets_the_usual_mode(tmp_path: Path):
    path = tmp_path / "a"
    path.touch(mode=0o600)
    before = os.umask(0o027)
    try:
        give_usual_mode(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names(tmp_path) == ["a"]


def test_files_and_folders_can_be_flushed(tmp_path: Path, flushed):
    (tmp_path / "a").touch()
    sync(tmp_path / "a")
    sync(tmp_path)
    assert len(flushed) == (1 if os.name == "nt" else 2)


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "full"), True),
        (RuntimeError(f"I/O error: No space left on device (os error {errno.ENOSPC})"), True),
        (OSError(errno.EACCES, "no"), False),
        (ValueError("os error"), False),
    ],
)
def test_a_full_disk_is_told_from_other_errors(error, full):
    assert is_full(error) is full
