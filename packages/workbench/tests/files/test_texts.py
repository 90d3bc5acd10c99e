"""Texts are UTF-8, or it is said where they are not."""

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from workbench import check_several, decode_utf8, fits_utf8, many, read_utf8, shorten, split_lines


def test_a_file_is_read_as_it_is(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_bytes("one\r\n世\0\ufefftwo".encode())
    assert read_utf8(path) == "one\r\n世\0\ufefftwo"


def test_a_byte_order_mark_is_no_text_and_counts_as_bytes(tmp_path: Path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffone\r\n".encode())
    assert read_utf8(path) == "one\r\n"
    assert decode_utf8("\ufeffa".encode(), path, 100) == "\ufeffa"  # not at the start of the file
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO("\ufeff世".encode())))
    assert read_utf8("-", dash_is_input=True) == "世"
    with pytest.raises(ValueError, match="0xe9 at offset 4;"):
        decode_utf8("\ufeffa".encode() + b"\xe9", path)
    with pytest.raises(ValueError, match="zero byte at offset 4"):
        decode_utf8("\ufeffa\0".encode(), path, zero_bytes=False)


@pytest.mark.parametrize("kind", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_told_by_its_mark(tmp_path: Path, kind):
    (tmp_path / "a.txt").write_bytes(("" if kind == "utf-16" else "\ufeff").encode(kind) + "one".encode(kind))
    with pytest.raises(ValueError, match=r"a\.txt is UTF-16; convert it with `iconv -f utf-16 -t utf-8`"):
        read_utf8(tmp_path / "a.txt")


@pytest.mark.parametrize("inner", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\r"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_end_at_line_feeds_only(inner, end):
    assert split_lines(f"a{inner}b{end}c{end}") == split_lines(f"a{inner}b{end}c") == [f"a{inner}b", "c"]
    assert split_lines(end * 2) == ["", ""]
    assert split_lines("") == []


def test_other_bytes_are_named(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc\xe9")
    expected = r"^wanted UTF-8 text, but .*a\.txt has an invalid byte 0xe9 at offset 3; convert the file, for example"
    with pytest.raises(ValueError, match=expected):
        read_utf8(path)
    with pytest.raises(ValueError, match="at offset 103; "):
        decode_utf8(b"abc\xe9", path, 100)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(OSError, match=r"^wanted a file of prompts, got .*none: No such file or directory; check the"):
        read_utf8(tmp_path / "none", "prompts")


def test_a_dash_is_standard_input_where_it_may_be(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO("世\n".encode())))
    assert read_utf8("-", dash_is_input=True) == "世\n"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"\xff")))
    with pytest.raises(ValueError, match="standard input has an invalid byte 0xff at offset 0"):
        read_utf8("-", dash_is_input=True)
    with pytest.raises(OSError, match="got -:"):
        read_utf8("-")


def test_zero_bytes_are_refused_where_a_text_is_wanted():
    assert decode_utf8(b"a\0", "x") == "a\0"
    with pytest.raises(ValueError, match=r"^wanted text, but x is binary \(a zero byte at offset 11\); leave this"):
        decode_utf8(b"a\0", "x", 10, zero_bytes=False)


@pytest.mark.parametrize(("text", "fits"), [("a世🙂", True), ("a\ud800", False), ("\udcff", False)])
def test_half_a_surrogate_pair_does_not_fit(text, fits):
    assert fits_utf8(text) is fits


def test_one_text_is_not_several():
    check_several(["a"], "prompts")
    check_several(("a", "b"), "prompts")
    with pytest.raises(TypeError, match=r"^wanted a list of prompts, got one text, 'a'; write \['a'\] for a list of"):
        check_several("a", "prompts")


def test_words_about_texts():
    assert shorten("a" * 60) == "a" * 60
    assert shorten("a" * 61) == "a" * 59 + "…"
    assert (many(1, "byte"), many(0, "byte"), many(2000, "byte")) == ("1 byte", "0 bytes", "2,000 bytes")
