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
    recorded_disk,
    replace_files,
    sync,
    whole_file,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


CAN_RECORD = pytest.mark.skipif(os.name == "nt", reason="Windows flushes no folders")


def test_a_text_is_written_exactly_and_replaced_in_one_step(tmp_path: Path):
    path = tmp_path / "a.txt"
    write_text(path, "one\r\ntwo\n世")
    assert path.read_bytes() == "one\r\ntwo\n世".encode()
    with path.open("rb") as reader:
        write_text(path, "new")
        assert reader.read() == "one\r\ntwo\n世".encode(), "who opened the old one reads it to its end"
    assert path.read_text("utf-8") == "new"
    assert names(tmp_path) == ["a.txt"]


@CAN_RECORD
def test_at_each_moment_a_text_is_the_old_or_the_new(tmp_path: Path):
    (tmp_path / "a.txt").write_text("old")
    with recorded_disk(tmp_path) as disk:
        write_text(tmp_path / "a.txt", "new")
    aside = f".a.txt.part-{os.getpid()}"
    assert disk.calls == [f"fsync {aside}", f"replace {aside} -> a.txt", f"fsync {tmp_path.name}"]
    assert {content["a.txt"] for content in disk.moments()} == {b"old", b"new"}
    assert disk.finally_there() == [{"a.txt": b"new"}] * 3


@CAN_RECORD
def test_a_folder_is_there_with_all_above_it(tmp_path: Path):
    with recorded_disk(tmp_path) as disk:
        make_folder(tmp_path / "a" / "b" / "c")
    assert disk.finally_there() == [dict.fromkeys(("a", "a/b", "a/b/c"))] * 3


@CAN_RECORD
def test_files_that_belong_together_are_each_the_old_or_the_new(tmp_path: Path):
    weights, about = tmp_path / "weights", tmp_path / "about.json"
    for path in (weights, about):
        path.write_bytes(b"old")
    with recorded_disk(tmp_path) as disk:
        replace_files({weights: b"new", about: b"new"})
    for content in disk.moments():
        assert {content["weights"], content["about.json"]} <= {b"old", b"new"}
        assert content["about.json"] == b"old" or content["weights"] == b"new", "in their order"
    assert disk.finally_there() == [{"weights": b"new", "about.json": b"new"}] * 3


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


def test_files_and_folders_can_be_flushed(tmp_path: Path):
    (tmp_path / "a").touch()
    with recorded_disk(tmp_path) as disk:
        sync(tmp_path / "a")
        sync(tmp_path)
    assert disk.calls == ["fsync a"] + [f"fsync {tmp_path.name}"] * (os.name != "nt")


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
