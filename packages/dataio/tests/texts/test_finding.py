"""Which files a source stands for: each once, and what is left out is said."""

import gzip
import os

import pytest

import dataio
from dataio.texts.files import locate


@pytest.fixture
def tree(tmp_path):
    """Two files, a folder elsewhere that a link leads to, a loop, and links to a file and to nothing."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "in" / "one.txt").write_text("one")
    (tmp_path / "in" / "deep" / "two.txt").write_text("two")
    (tmp_path / "elsewhere" / "three.txt").write_text("three")
    (tmp_path / "in" / "away").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "deep" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "a link.txt").symlink_to(tmp_path / "in" / "one.txt")
    (tmp_path / "in" / "nothing.txt").symlink_to(tmp_path / "in" / "gone.txt")
    return tmp_path / "in"


WANTED = ["away/three.txt", "deep/two.txt", "one.txt"]


@pytest.mark.parametrize("pattern", ["", "/**", "/**/*.txt", "/**/*", "/**/**/*.tx[t]"])
def test_each_file_counts_once_whatever_links_lead_to_it(tree, pattern, caplog):
    root, files = locate(f"{tree}{pattern}")
    assert [file.relative_to(root).as_posix() for file in files] == WANTED
    assert "left out 1 link to nothing" in caplog.text
    assert "1 link to files that count already" in caplog.text
    for read in (dataio.read_text, dataio.stream_text):
        assert [document.text for document in read(f"{tree}{pattern}")] == ["three", "two", "one"]


def test_two_loops_end_soon(tree):
    for number in range(20):
        (tree / "deep" / f"loop {number}").symlink_to(tree)
    assert len(locate(f"{tree}/**/*.txt")[1]) == 3


@pytest.mark.parametrize("pattern", ["*.txt", "deep/*.txt", "*/*.txt", "[do]*"])
def test_patterns_without_stars_of_folders_are_glob_s(tree, pattern):
    import glob

    expected = {os.path.realpath(path) for path in glob.glob(f"{tree}/{pattern}") if os.path.isfile(path)}
    assert {os.path.realpath(path) for path in locate(f"{tree}/{pattern}")[1]} == expected


@pytest.mark.parametrize("pattern", ["**/*.md", "**/a/**/*.md", "a/**", "**/.hidden/*", "**/[ab]/*", ".hidden/**"])
def test_patterns_with_stars_of_folders_are_glob_s(tmp_path, monkeypatch, pattern):
    import glob

    for name in ("x.md", "a/y.md", "a/b/z.md", "b/a/c/w.md", ".hidden/h.md", "a/.h.md", "a/b/.hidden/i.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    expected = sorted(path for path in glob.glob(f"{tmp_path}/{pattern}", recursive=True) if os.path.isfile(path))
    assert [str(path) for path in locate(f"{tmp_path}/{pattern}")[1]] == expected
    monkeypatch.chdir(tmp_path)
    assert [str(tmp_path / path) for path in locate(pattern)[1]] == expected


def test_a_folder_that_cannot_be_read_is_said(tree, monkeypatch, caplog):
    kept = os.scandir

    def scandir(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return kept(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert [file.name for file in locate(tree)[1]] == ["three.txt", "one.txt"]
    assert f"1 folder that cannot be read ({tree}/deep)" in caplog.text


def test_files_of_other_suffixes_are_counted_and_said_once(tmp_path, caplog):
    for name in ("README.md", "data.jsonl.zst", "a.png", "b.png", "Makefile", ".hidden.png"):
        (tmp_path / name).write_text("x")
    assert [document.text for document in dataio.stream_text(tmp_path)] == ["x"]
    assert "left out 4 files with other suffixes (.png 2, .jsonl.zst 1, none 1)" in caplog.text
    caplog.clear()
    dataio.text_paths(tmp_path)  # asked before it is read
    assert caplog.text == ""
    (tmp_path / "README.md").rename(tmp_path / "README")
    with pytest.raises(FileNotFoundError, match=r"none with a suffix like .*, and left out 5 files .*\.jsonl\.zst 1"):
        dataio.stream_text(tmp_path)


@pytest.mark.parametrize("name", ["a.jsonl.zst", "a.txt.xz", "a.tar.gz", "a.parquet.bz2", "a.zip"])
@pytest.mark.parametrize("source", ["{}", "{}*"])
def test_packed_files_are_refused_by_name(tmp_path, name, source):
    (tmp_path / name).write_bytes(b"packed")
    with pytest.raises(ValueError, match=rf"wanted text or records, got .*{name}, which is packed; unpack it"):
        dataio.stream_text(source.format(tmp_path / name))


def test_zipped_text_is_read_in_pieces_and_whole(tmp_path):
    text = "".join(f"line {number}\r\n" for number in range(200_000))
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(text.encode()))
    documents = list(dataio.stream_text(tmp_path))
    assert len(documents) > 1
    assert "".join(document.text for document in documents) == text
    assert dataio.read_text(tmp_path).documents == (dataio.Document("a.txt.gz", text),)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(text.encode())[:-100])
    for read in (dataio.read_text, lambda source: list(dataio.stream_text(source))):
        with pytest.raises(ValueError, match=r"wanted a whole gzip file, but .*a\.txt\.gz is damaged"):
            read(tmp_path)


def test_a_name_that_begins_with_a_tilde_is_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~$notes.txt").write_text("x")
    assert [document.text for document in dataio.stream_text("~$notes.txt")] == ["x"]
