import gzip

import pytest
from hypothesis import given, strategies as st

import dataio
import dataio.texts.corpora
from dataio.texts import files
from dataio.texts.files import strict_text, text_pieces

BAD_TEXT = {
    "missing": (None, FileNotFoundError, "wanted a text file.*is not there; check the path"),
    "empty": (b"", ValueError, "wanted text in .*, got empty files only; name other files"),
    "binary": (b"ab\0cd", ValueError, "is binary .a zero byte at offset 2.; leave"),
    "latin1": ("café".encode("latin-1"), ValueError, "wanted UTF-8.*0xe9 at offset 3; convert"),
}


@pytest.mark.parametrize(("content", "kind", "message"), BAD_TEXT.values(), ids=BAD_TEXT)
def test_bad_text_is_refused_with_what_to_do(tmp_path, content, kind, message):
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(kind, match=message):
        dataio.read_text(path)


def test_a_folder_or_pattern_without_text_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"wanted text files in folder .*use a pattern"):
        dataio.read_text(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"wanted files that match .*check the pattern"):
        dataio.read_text(tmp_path / "*.txt")


@given(st.text("ab é\n日", min_size=1, max_size=200), st.integers(4, 60))
def test_pieces_of_a_long_text_are_the_text(tmp_path_factory, text, most):
    path = tmp_path_factory.mktemp("long") / "text.txt"
    path.write_bytes(text.encode())
    pieces = list(text_pieces(path, most))
    assert "".join(pieces) == text
    assert all(0 < len(piece.encode()) <= most for piece in pieces)
    assert (len(pieces) == 1) == (len(text.encode()) <= most)


def test_pieces_end_where_a_reader_would_pause(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("a\nb c\n\nd\ne f")
    assert list(text_pieces(path, 10)) == ["a\nb c\n\n", "d\ne f"]
    path.write_text("one two three four")
    assert list(text_pieces(path, 10)) == ["one two ", "three four"]


def test_only_what_a_gzip_file_unpacks_to_has_a_limit(tmp_path, monkeypatch):
    """A small one may hold any amount; what lies on the disk as it is was taken by somebody who has the room."""
    monkeypatch.setattr(files, "MOST_ZIPPED", 10)
    (tmp_path / "a.txt").write_text("the cat and the hat")
    assert strict_text(tmp_path / "a.txt") == "the cat and the hat"
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"the cat and the hat"))
    with pytest.raises(ValueError, match=r"wanted at most 10 bytes in .*a.txt.gz, got more"):
        strict_text(tmp_path / "a.txt.gz")
