"""A resumed log has no point twice."""

import pytest
from tensorboard.summary.writer import event_file_writer

from trainkit import MetricsLog, log


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
