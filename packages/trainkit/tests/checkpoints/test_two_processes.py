"""Two processes that save into one folder do not destroy each other's work."""

import threading

import pytest
from safetensors.torch import load_file

from trainkit import Checkpoints
from workbench import hold


class Slow:
    """A part that is written while another process begins."""

    def __init__(self, began, go_on):
        self.began, self.go_on = began, go_on

    def save(self, folder):
        (folder / "slow.txt").write_text("half")
        self.began.set()
        assert self.go_on.wait(60)
        (folder / "slow.txt").write_text("whole")

    def load(self, folder):
        assert (folder / "slow.txt").read_text() == "whole"


@pytest.mark.parametrize("step", [1, 2])
def test_a_save_waits_for_the_one_that_is_being_written(step, make, tmp_path):
    began, go_on = threading.Event(), threading.Event()
    slow = Checkpoints(tmp_path, {"slow": Slow(began, go_on)})
    first = threading.Thread(target=slow.save, args=(1,))
    first.start()
    assert began.wait(60)
    _, other = make(tmp_path)
    second = threading.Thread(target=other.save, args=(step,))
    second.start()
    second.join(0.3)
    assert second.is_alive()
    assert (tmp_path / ".saving-step-000001" / "slow.txt").read_text() == "half"
    go_on.set()
    first.join()
    second.join()
    if step == 2:
        assert slow.load(1).step == 1
    assert load_file(tmp_path / f"step-{step:06d}" / "model.safetensors")
    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_who_reads_between_two_renames_waits_for_the_second(make, tmp_path):
    _, checkpoints = make(tmp_path)
    checkpoints.save(1)
    (tmp_path / "step-000001").rename(tmp_path / ".replaced-step-000001")
    found = []
    with hold(tmp_path):
        reader = threading.Thread(target=lambda: found.append(make(tmp_path)[1].load().step))
        reader.start()
        reader.join(0.3)
        assert (reader.is_alive(), found) == (True, [])
    reader.join()
    assert found == [1]
