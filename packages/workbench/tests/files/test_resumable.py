"""A file of results that broke off is resumed only by the command that wrote it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import check_same, finished_lines, finite, line_writer, lines_left


def test_nothing_there_is_nothing_to_lose(tmp_path: Path):
    assert finished_lines(None, resume=False) == []
    assert finished_lines(tmp_path / "new", resume=True) == []
    (tmp_path / "empty").touch()
    assert finished_lines(tmp_path / "empty", resume=False) == []


def test_what_is_left_is_counted_in_whole_lines(tmp_path: Path):
    out = tmp_path / "out"
    assert (lines_left(None), lines_left(out)) == ("", "")
    out.write_bytes(b"{}\n{")
    assert lines_left(out) == f"{out} has 1 line, the same command with --resume goes on from there"


def test_a_torn_line_is_cut_and_the_others_are_given(tmp_path: Path):
    out = tmp_path / "out.jsonl"
    out.write_bytes('{"a": "x\u2028y"}\n{"a": 2}\n{"a": "ä'.encode()[:-1])
    assert finished_lines(out, resume=True) == [{"a": "x\u2028y"}, {"a": 2}]
    assert out.read_bytes() == '{"a": "x\u2028y"}\n{"a": 2}\n'.encode()


@pytest.mark.parametrize("content", [b"a book\n", b"[1]\n", b'{"a": 1}\n\n{"a": 2}\n', b"\xff\n"])
def test_another_file_is_left_alone(tmp_path: Path, content):
    out = tmp_path / "out.jsonl"
    out.write_bytes(content)
    with pytest.raises(ValueError, match=r"^wanted an earlier run's JSON Lines in .*, got something else; name "):
        finished_lines(out, resume=True)
    assert out.read_bytes() == content


def test_who_resumes_says_so_and_says_what(tmp_path: Path):
    with pytest.raises(ValueError, match=r"^wanted --out FILE with --resume, got none; name the file"):
        finished_lines(None, resume=True)
    (tmp_path / "out").write_text("{}\n")
    with pytest.raises(ValueError, match=r"^wanted a new file, got .*out, which exists; add --resume to go on"):
        finished_lines(tmp_path / "out", resume=False)


def test_a_folder_is_no_file_of_lines(tmp_path: Path):
    with pytest.raises(ValueError, match=r"^wanted the file that an earlier run wrote, got .*, a folder; name a file"):
        finished_lines(tmp_path, resume=True)


def test_lines_of_the_same_command_are_the_same():
    lines = [{"prompt": "a", "settings": {"seed": 1}, "text": "b"}]
    out = Path("out")
    check_same(lines, [{"prompt": "a", "settings": {"seed": 1}}, {"prompt": "c", "settings": {"seed": 1}}], out)
    with pytest.raises(ValueError, match=r"^wanted seed=2 and top_k=3 in line 1 of out, got seed=1 and top_k=its def"):
        check_same(lines, [{"prompt": "a", "settings": {"seed": 2, "top_k": 3}}], out)
    with pytest.raises(ValueError, match=r"^wanted lines that say their model, got none in line 1 of out: another"):
        check_same(lines, [{"model": "m"}], out)
    with pytest.raises(ValueError, match=r"^wanted at most 0 lines in out, got 1; name the same input as before$"):
        check_same(lines, [], out)


def test_each_line_is_there_at_once(tmp_path: Path):
    out = tmp_path / "out.jsonl"
    with line_writer(out) as write:
        write({"a": "世", "b": [float("inf"), 1.5]})
        assert out.read_bytes() == '{"a": "世", "b": [null, 1.5]}\n'.encode()
    with line_writer(out) as write:
        write({"a": 2})
    assert [json.loads(line)["a"] for line in out.read_bytes().split(b"\n")[:-1]] == ["世", 2]


def test_without_a_file_lines_go_to_standard_output():
    program = "from workbench import line_writer\nwith line_writer(None) as write: write({'a': 1})"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).stdout.split() == [b'{"a":', b"1}"]


def test_nobody_reads_a_closed_output(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with line_writer(None) as write, pytest.raises(BrokenPipeError):
        write({"a": 1})


def test_a_file_that_cannot_be_written(tmp_path: Path):
    with pytest.raises(OSError, match=r"^wanted a file to write, got .*: No such file or directory; check its folder$"):
        line_writer(tmp_path / "no" / "out").__enter__()


def test_json_has_no_infinity():
    assert finite({"a": (1.0, float("nan")), "b": [{"c": float("-inf")}], "d": "x"}) == {
        "a": [1.0, None],
        "b": [{"c": None}],
        "d": "x",
    }
