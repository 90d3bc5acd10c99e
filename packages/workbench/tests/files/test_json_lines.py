"""JSON Lines are read strictly, and cut at line ends only."""

import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from workbench import json_objects, parse_object, read_json_lines, read_object, split_lines

TEXT = st.text(st.characters(exclude_categories=["Cs"]))  # UTF-8 holds no half of a surrogate pair


@given(st.lists(st.dictionaries(TEXT, TEXT | st.integers() | st.none())))
def test_what_is_written_is_read(objects):
    written = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects)
    assert list(json_objects(io.BytesIO(written.encode()), "x")) == list(enumerate(objects, start=1))
    assert [parse_object(line, "x") for line in split_lines(written)] == objects


def test_numbers_count_empty_lines_and_marks_and_carriage_returns_go(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_bytes('\ufeff{"a": 1}\r\n\n{"b": "x\u2028y"}'.encode())
    assert list(read_json_lines(path)) == [(1, {"a": 1}), (3, {"b": "x\u2028y"})]


def test_lines_may_come_out_of_anything(tmp_path: Path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n{"a": 2}\n'))
    with gzip.open(path, "rb") as lines:
        assert [one["a"] for _, one in json_objects(lines, path)] == [1, 2]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"a": \xff}', "wanted UTF-8, got byte 0xff in line 2 of x; convert the file"),
        (b"{", "wanted a JSON object, got '{' in line 2 of x (Expecting property name enclosed in double quotes at "
         "character 2); repair the line"),
        (b"[1]", "wanted a JSON object, got '[1]' in line 2 of x; write one object a line"),
        (b'{"a": 1} {"b": 2}', "wanted a JSON object, got '{\"a\": 1} {\"b\": 2}' in line 2 of x (Extra data at "
         "character 10); repair the line"),
        (b"1" * 5000, "wanted a JSON object, got '111111111111111111111111111111111111111…' in line 2 of x (Exceeds "),
        (b"[" * 200_000, "wanted a JSON object, got '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[…' in line 2 of x (max"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_object_is_named(line, words):
    with pytest.raises(ValueError, match=r"^wanted ") as caught:
        list(json_objects([b"{}\n", line], "x"))
    assert str(caught.value).startswith(words)


def test_one_line_of_text():
    assert parse_object('{"a": [1]}\r\n', "here") == {"a": [1]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff", "wanted UTF-8, got byte 0xff in"),
        (b"[1]", "wanted a JSON object, got '[1]' in"),
        (b'{"a": ' * 100_000, "wanted a JSON object, got "),
        (b"", "wanted a JSON object, got '' in"),
    ],
)
def test_a_file_that_is_no_object_is_named(tmp_path: Path, content, words):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.json.*; (repair|convert) the file$") as caught:
        read_object(tmp_path / "a.json")
    assert str(caught.value).startswith(words)


def test_an_object_on_many_lines_with_a_mark_is_read(tmp_path: Path):
    (tmp_path / "a.json").write_bytes('\ufeff{\r\n "a": "x\u2028"\r\n}\r\n'.encode())
    assert read_object(tmp_path / "a.json") == {"a": "x\u2028"}
