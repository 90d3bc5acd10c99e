"""Folders come to be whole or not at all, at whatever moment one looks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import DiskRecord, recorded_disk, replace_folder, saved_over, whole_folder
from workbench.files import whole_folders
from workbench.files.exchange import exchange

CAN_RECORD = pytest.mark.skipif(os.name == "nt", reason="Windows flushes no folders")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def within(content: dict[str, bytes | None], folder: str) -> dict[str, bytes | None] | None:
    """What a moment has in one folder; None if that is not there."""
    if folder not in content:
        return None
    return {name.removeprefix(f"{folder}/"): what for name, what in content.items() if name.startswith(f"{folder}/")}


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


@pytest.mark.parametrize("in_one_step", [True, False])
def test_a_folder_takes_the_place_of_another(tmp_path: Path, monkeypatch, in_one_step):
    if not in_one_step:
        monkeypatch.setattr(whole_folders, "exchange", lambda one, other: False)
    staged, final = tmp_path / "staged", tmp_path / "final"
    for folder in (staged, final):
        folder.mkdir()
        (folder / folder.name).touch()
    replace_folder(staged, final, tmp_path / "replaced")
    assert (names(tmp_path), names(final)) == (["final"], ["staged"])


def written_twice(place: Path) -> DiskRecord:
    """A folder of two files and a folder, written over an earlier one."""
    (place / "model" / "inner").mkdir(parents=True)
    for name in ("a", "b", "inner/c"):
        (place / "model" / name).write_bytes(b"old")
    with recorded_disk(place) as disk, whole_folder(place / "model") as aside:
        (aside / "inner").mkdir()
        for name in ("a", "b", "inner/c"):
            (aside / name).write_bytes(b"new")
    return disk


OLD, NEW = ({"a": c, "b": c, "inner": None, "inner/c": c} for c in (b"old", b"new"))


@CAN_RECORD
def test_at_each_moment_the_old_or_the_new_is_there_where_names_can_change_places(tmp_path: Path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    if not exchange(tmp_path / "one", tmp_path / "other"):
        pytest.skip("this kernel or file system has no RENAME_EXCHANGE")
    disk = written_twice(tmp_path)
    assert [call.split()[0] for call in disk.calls if "fsync" not in call] == ["exchange"]
    found = [within(content, "model") for content in disk.moments()]
    assert found.count(OLD) > 1
    assert all(content in (OLD, NEW) for content in found)
    assert [within(content, "model") for content in disk.finally_there()] == [NEW, NEW, NEW]


@CAN_RECORD
def test_elsewhere_it_is_there_or_aside(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(whole_folders, "exchange", lambda one, other: False)
    disk = written_twice(tmp_path)
    aside = f".model.part-{os.getpid()}-replaced"
    for content in disk.moments():
        there, waiting = within(content, "model"), within(content, aside)
        assert there in (OLD, NEW) or (there is None and waiting == OLD)
    assert [within(content, "model") for content in disk.finally_there()] == [NEW, NEW, NEW]


@CAN_RECORD
def test_the_first_folder_of_that_name_is_whole_or_not_there(tmp_path: Path):
    with recorded_disk(tmp_path) as disk, whole_folder(tmp_path / "new" / "model") as aside:
        (aside / "a").write_bytes(b"x")
    assert all(within(content, "new/model") in (None, {"a": b"x"}) for content in disk.moments())
    assert all(within(content, "new/model") == {"a": b"x"} for content in disk.finally_there())


def test_what_lies_beside_stays_and_what_is_stale_goes(tmp_path: Path):
    target = tmp_path / "model"
    (target / "notes").mkdir(parents=True)
    for name in ("weights", "README.md", "old.json", "notes/today"):
        (target / name).write_text(f"old {name}")
    (target / "link").symlink_to("nowhere")
    with saved_over(target, stale=lambda path: path.name == "old.json") as staged:
        (staged / "weights").write_text("new")
    assert names(target) == ["README.md", "link", "notes", "weights"]
    assert (target / "weights").read_text() == "new"
    assert (target / "notes" / "today").read_text() == "old notes/today"
    assert (target / "link").readlink() == Path("nowhere")
    assert names(tmp_path) == ["model"]


def test_a_save_that_fails_leaves_all(tmp_path: Path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a").write_text("old")

    def write() -> None:
        with saved_over(tmp_path / "model", stale=lambda path: True) as staged:
            (staged / "a").write_text("new")
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert (tmp_path / "model" / "a").read_text() == "old"
    assert names(tmp_path) == ["model"]


SAVES = """
from pathlib import Path
from sys import argv
from workbench import saved_over

for _ in range(20):
    with saved_over(argv[1], stale=lambda path: False) as staged:
        for name in "abc":
            (staged / name).write_text(argv[2])
"""


def test_two_that_save_at_once_are_never_mixed(tmp_path: Path):
    both = [subprocess.Popen([sys.executable, "-c", SAVES, str(tmp_path / "model"), word]) for word in ("one", "two")]
    assert [process.wait(60) for process in both] == [0, 0]
    assert len({path.read_text() for path in (tmp_path / "model").iterdir()}) == 1
    assert names(tmp_path) == ["model"]
