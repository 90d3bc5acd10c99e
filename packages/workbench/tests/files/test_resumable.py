"""A file of results that broke off is resumed only by the command that wrote it."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import InUse, check_same, finished_lines, finite, line_writer, lines_left


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


WRITER = """
import os, sys, time
from pathlib import Path
from workbench import finished_lines, line_writer
out = Path(sys.argv[1])
done = finished_lines(out, resume=True)
print(os.getpid(), len(done), flush=True)
if sys.argv[2] == "writing":
    with line_writer(out) as write:
        write({"a": len(done)})
        with out.open("a") as file:
            file.write('{"a": "half')
        print("written", flush=True)
        time.sleep(600)
time.sleep(600)
"""


@pytest.mark.parametrize("when", ["writing", "before it writes"])
def test_a_second_writer_is_refused_with_the_number_of_the_first_and_cuts_nothing(tmp_path: Path, when):
    out = tmp_path / "out.jsonl"
    out.write_text('{"a": 0}\n')
    with subprocess.Popen([sys.executable, "-c", WRITER, str(out), when], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout
        pid = int(first.stdout.readline().split()[0])
        if when == "writing":
            first.stdout.readline()
        there = out.read_bytes()
        for begin in (lambda: finished_lines(out, resume=True), lambda: line_writer(out).__enter__()):
            with pytest.raises(InUse, match=rf"^wanted .*out.jsonl for this process alone, got it in use by .* {pid}"):
                begin()
        assert out.read_bytes() == there
        first.kill()
    lines = finished_lines(out, resume=True)  # that of a dead process is taken over
    assert lines == [{"a": 0}, {"a": 1}][: 1 + (when == "writing")]
    with line_writer(out) as write:
        write({"a": "mine"})
    del lines
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"], "no lock is left"


def test_a_new_file_is_held_before_its_first_line(tmp_path: Path):
    out = tmp_path / "new.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(out), "waits"], stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout
        first.stdout.readline()
        with pytest.raises(InUse):
            finished_lines(out, resume=False)
        first.kill()


def test_one_process_may_read_and_write_its_own(tmp_path: Path):
    out = tmp_path / "out.jsonl"
    done = finished_lines(out, resume=False)
    with line_writer(out) as write:
        write({"a": 1})
    again = finished_lines(out, resume=True)
    assert (done, again) == ([], [{"a": 1}])


@pytest.mark.skipif(os.name == "nt", reason="/dev/null has another name on Windows")
def test_what_is_no_file_is_not_held(tmp_path: Path):
    with line_writer(Path("/dev/null")) as write:
        write({"a": 1})
    assert not Path("/dev/.null.lock").exists()
    assert finished_lines(tmp_path / "no" / "out", resume=False) == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_where_no_lock_can_be_made_work_goes_on_with_a_warning(tmp_path: Path, monkeypatch, caplog, number):
    def refused(*words: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("workbench.files.resumable.hold", refused)
    with line_writer(tmp_path / "out") as write:
        write({"a": 1})
    assert (tmp_path / "out").read_text() == '{"a": 1}\n'
    assert "no lock can be made beside it" in caplog.text
