"""A resumed log has no point twice."""

import json
import logging

import pytest
from tensorboard.summary.writer import event_file_writer

from trainkit import MetricsLog, log
from trainkit.watching.log_cutting import cut_lines


@pytest.fixture(autouse=True)
def files_in_order(monkeypatch):
    """TensorBoard reads files by name; of those made within a second, the 10th would come before the 9th."""
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(0))


def test_resuming_cuts_both_back_so_that_no_point_comes_twice(make_steps, lines, points, tmp_path):
    with MetricsLog(tmp_path) as metrics:
        list(log(make_steps(0, 9), metrics, every=1))
    with (tmp_path / "metrics.jsonl").open("a") as torn:
        torn.write('{"step": 4, "lo')
    for start in (6, 3):
        with MetricsLog(tmp_path, start=start) as metrics:
            list(log(make_steps(start, start + 4), metrics, every=1))
        assert [line["step"] for line in lines(tmp_path)] == list(range(1, start + 5))
        assert [step for step, _ in points(tmp_path, "loss")] == list(range(1, start + 5))
    with MetricsLog(tmp_path, start=0):
        pass
    assert lines(tmp_path) == []


GARBAGE = {
    "words": b"not a line\n",
    "zeros": b"\x00" * 40 + b"\n",
    "no UTF-8": b'{"step": 2, "note": "\xff"}\n',
    "half a line": b'{"step": 2, "lo\n',
    "a list": b"[1, 2]\n",
    "no step": b'{"loss": 1.0}\n',
    "a word for a step": b'{"step": "two"}\n',
    "an empty line": b"\n",
    "brackets": b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("where", [0, 2, 4])
@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_line_that_is_none_costs_no_other(garbage, where, tmp_path, caplog):
    good = [b'{"step": %d, "note": "a\xe2\x80\xa8b"}\n' % step for step in (1, 2, 3, 4)]
    (tmp_path / "metrics.jsonl").write_bytes(b"".join([*good[:where], GARBAGE[garbage], *good[where:]]))
    with caplog.at_level(logging.WARNING):
        cut_lines(tmp_path / "metrics.jsonl", 3)
    assert (tmp_path / "metrics.jsonl").read_bytes() == b"".join(good[:3])
    assert f"1 lines are no lines of a log and go, the first is line {where + 1}" in caplog.text


def test_a_torn_end_is_cut_quietly_and_a_whole_line_without_its_end_is_kept(tmp_path, caplog):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2, "lo')
    cut_lines(path, 5)
    assert path.read_bytes() == b'{"step": 1}\n'
    path.write_bytes(b'{"step": 1}\n{"step": 2}')
    cut_lines(path, 5)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2]
    assert path.read_bytes().endswith(b"\n")
    assert caplog.text == ""


@pytest.mark.parametrize("content", [b"", b"no events at all", b"\x00" * 500])
def test_an_event_file_that_cannot_be_read_stays_and_the_others_are_cut(content, make_steps, points, tmp_path):
    with MetricsLog(tmp_path) as metrics:
        list(log(make_steps(0, 6), metrics, every=1))
    other = tmp_path / "events.out.tfevents.0000000000.somebody"
    other.write_bytes(content)
    with MetricsLog(tmp_path, start=3):
        pass
    assert other.read_bytes() == content
    other.unlink()
    assert [step for step, _ in points(tmp_path, "loss")] == [1, 2, 3]


def test_the_seconds_of_a_resumed_run_go_on(lines, tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"step": 1, "seconds": 50.5}\n{"step": 2, "seconds": 100.25}\n{"step": 3, "seconds": 200.0}\n'
        '{"step": 2, "seconds": null}\n{"step": 2, "seconds": "long"}\n{"step": 2}\n'
    )
    for start, least in ((2, 100.25), (2, 100.25), (1, 50.5), (0, 0.0)):
        with MetricsLog(tmp_path, start=start) as metrics:
            metrics.write(start + 1, loss=1.0)
        assert least <= lines(tmp_path)[-1]["seconds"] < least + 40.0
