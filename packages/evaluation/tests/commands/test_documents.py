"""Texts are found under their names, and pieces lose nothing."""

import io
import sys

import pytest

from evaluation.commands.documents import NamedText, pieces, read_documents


def test_pieces_lose_nothing_and_end_at_line_ends():
    text = "".join(f"{'é' * (n % 40)}\n" for n in range(200)) + "end"
    parts = list(pieces(text, 100))
    assert "".join(parts) == text
    assert all(part.endswith("\n") and len(part.encode()) >= 100 for part in parts[:-1])


def test_documents_are_named_by_their_file_and_line(tmp_path, monkeypatch):
    """Lines of JSON end at line feeds only; other files and standard input are whole, with lines that end in \\n."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"in\r\nput")))
    lines, whole = tmp_path / "a.jsonl", tmp_path / "b.txt"
    lines.write_text('{"body": "one\u2028two"}\n\n{"body": "three"}', encoding="utf-8")
    whole.write_text("{}\n{}", encoding="utf-8")
    assert read_documents([str(lines), str(whole), "-"], ("typed",), "body") == [
        NamedText("--text 1", "typed"),
        NamedText(f"{lines}:1", "one\u2028two"),
        NamedText(f"{lines}:3", "three"),
        NamedText(str(whole), "{}\n{}"),
        NamedText("-", "in\nput"),
    ]


@pytest.mark.parametrize("line", ["[1]", '{"text": 3}', "{}", "{"])
def test_a_line_without_a_text_is_named(tmp_path, line):
    (tmp_path / "a.jsonl").write_text(f'{{"text": "x"}}\n{line}\n')
    with pytest.raises(ValueError, match=r"a\.jsonl:2"):
        read_documents([str(tmp_path / "a.jsonl")])
