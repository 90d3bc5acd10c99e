"""What a kill or a power cut leaves at each moment, found out without either."""

import os
from pathlib import Path

import pytest

from workbench import lay_out, recorded_disk, sync, write_text

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows flushes no folders")


def test_what_was_never_flushed_is_empty_or_gone_after_a_power_cut(tmp_path: Path):
    with recorded_disk(tmp_path) as disk:
        (tmp_path / "a").write_bytes(b"new")
    assert disk.killed == [{"a": b"new"}]
    assert (disk.cut, disk.forgotten) == ([{"a": b""}], [{}])


def test_what_was_there_is_on_the_disk_until_it_is_written_over(tmp_path: Path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a").write_bytes(b"old")
    with recorded_disk(tmp_path) as disk:
        (tmp_path / "inner" / "a").write_bytes(b"new")
        disk.note()
        sync(tmp_path / "inner" / "a")
    old, new = ({"inner": None, "inner/a": content} for content in (b"old", b"new"))
    assert (disk.killed[0], disk.cut[0], disk.forgotten[0]) == (new, old, old)
    assert disk.finally_there() == [new, new, new]


def test_a_name_is_there_once_its_folder_is_flushed(tmp_path: Path):
    with recorded_disk(tmp_path) as disk:
        (tmp_path / "a").write_bytes(b"x")
        sync(tmp_path / "a")
        (tmp_path / "a").rename(tmp_path / "b")
        assert disk.forgotten[-1] == {}
        sync(tmp_path)
    assert disk.calls == ["fsync a", "rename a -> b", f"fsync {tmp_path.name}"]
    assert disk.finally_there() == [{"b": b"x"}] * 3


def test_an_open_file_is_flushed_like_its_number(tmp_path: Path):
    with recorded_disk(tmp_path) as disk, open(tmp_path / "a", "wb") as file:
        file.write(b"x")
        file.flush()
        os.fsync(file)
    assert disk.calls == ["fsync a"]


def test_the_number_of_a_file_that_is_gone_is_not_taken_for_another(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"flushed")
    with recorded_disk(tmp_path) as disk:
        for name in map(str, range(20)):
            (tmp_path / "a").unlink(missing_ok=True)
            (tmp_path / name).write_bytes(b"not flushed")
    assert set(disk.cut[-1].values()) == {b""}


def test_the_calls_are_the_real_ones_again_afterwards(tmp_path: Path):
    real = os.fsync, os.rename, os.replace
    records = []

    def fail() -> None:
        with recorded_disk(tmp_path) as disk:
            records.append(disk)
            write_text(tmp_path / "a", "x")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (os.fsync, os.rename, os.replace) == real
    assert records[0].finally_there() == [{"a": b"x"}] * 3


def test_a_moment_is_laid_out(tmp_path: Path):
    (tmp_path / "from").mkdir()
    with recorded_disk(tmp_path / "from") as disk:
        (tmp_path / "from" / "inner" / "empty").mkdir(parents=True)
        (tmp_path / "from" / "inner" / "a").write_bytes(b"x")
    lay_out(disk.killed[0], tmp_path / "to")
    assert sorted(path.relative_to(tmp_path / "to").as_posix() for path in (tmp_path / "to").rglob("*")) == [
        "inner",
        "inner/a",
        "inner/empty",
    ]
    assert disk.moments() == [disk.killed[0], {"inner": None, "inner/empty": None, "inner/a": b""}, {}]
