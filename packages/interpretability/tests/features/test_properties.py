"""Properties of tokens by example, and files of labels."""

from pathlib import Path

import pytest

from interpretability.features.properties import (
    PROPERTIES,
    in_string,
    indented,
    kind_of,
    line_start,
    next_kind,
    read_labels,
)

TEXT = ["x", " =", " '", "a", " b", "'", "\n", "    ", "don", "'", "t", " 12", "\n\n", "end"]


def test_kinds_go_by_the_first_character_that_is_no_space() -> None:
    assert [kind_of(token) for token in (" the", "_x", " 12", "   ", "\n  ", "();", "é")] == [0, 0, 1, 2, 3, 4, 0]
    assert next_kind(["a", " 1", "\n"]) == [1, 3, -1]


def test_a_token_begins_a_line_where_the_one_before_ended_one() -> None:
    assert line_start(TEXT) == [-1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]


def test_quotes_open_and_close_within_a_line_and_apostrophes_do_not() -> None:
    text = ["?", "\n", "x", ' "', "a", '"', " b", "\n", "don", "'", "t", " 'q", " r", "\n", "s"]
    assert in_string(text) == [-1, -1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0]


def test_a_line_is_indented_or_not() -> None:
    assert indented(TEXT) == [-1, -1, -1, -1, -1, -1, -1, 1, 1, 1, 1, 1, 1, 0]
    assert indented(["a", "\n  b", " c", "\nd"]) == [-1, -1, 1, 1]


def test_every_property_has_a_class_for_each_token_or_none() -> None:
    for ask, names in PROPERTIES.values():
        classes = ask(TEXT)
        assert len(classes) == len(TEXT)
        assert set(classes) <= {-1, *range(len(names))}


def test_labels_of_json_lines_and_of_csv(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "good", "label": 1}\n\n{"text": "bad", "label": 0}\n')
    assert read_labels(tmp_path / "a.jsonl") == (["good", "bad"], ["1", "0"])
    (tmp_path / "a.csv").write_text('text,label\n"two\nlines",x\nb,y\n')
    assert read_labels(tmp_path / "a.csv") == (["two\nlines", "b"], ["x", "y"])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", "x", "another ending"),
        ("a.jsonl", '{"text": "a", "label": "x"}\n{"text": "b"}', 'wanted "text" and "label" in line 2'),
        ("a.jsonl", '{"text": "", "label": "x"}', "in line 1"),
        ("a.jsonl", '{"text": "a", "label": "x"}', "at least 2 different labels, got 1"),
        ("a.jsonl", "[1]", "wanted a JSON object"),
        ("a.csv", "words,label\na,b\n", "in line 2"),
    ],
)
def test_files_that_are_no_labels_are_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=said):
        read_labels(tmp_path / name)
