"""Claims about which checkpoint of a folder is taken, and which may go."""

import pytest

from trainkit import (
    CheckpointError,
    Checkpoints,
    Evaluation,
)


def test_a_folder_with_a_number_for_a_name_is_not_a_checkpoint(make, tmp_path, caplog):
    _, checkpoints = make(tmp_path)
    (tmp_path / "step-000900").mkdir()
    (tmp_path / "step-best").mkdir()
    (tmp_path / "step-000901").write_text("a file")
    with pytest.raises(CheckpointError, match=r"wanted a valid checkpoint \(latest\).*got steps \[900\], none usable"):
        checkpoints.load()
    checkpoints.save(5)
    assert checkpoints.load().step == 5


def test_lower_scores_are_best_and_survive_the_pruning(make, flip, tmp_path):
    _, checkpoints = make(tmp_path, keep=2)
    for step, score in [(1, 3.0), (2, 1.0), (3, 2.0), (4, float("nan")), (5, Evaluation(8.0, 4)), (6, None)]:
        checkpoints.save(step, score)
    assert checkpoints.steps() == [2, 5, 6]
    assert checkpoints.load("best").step == 2
    assert (tmp_path / "best").read_text() == "step-000002\n"
    assert checkpoints.load("latest").step == 6
    flip(tmp_path / "step-000002" / "model.safetensors", 50)
    assert checkpoints.load("best").step == 5


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_best_to_load_is_the_one_that_the_pointer_names_whatever_was_scored(odd, place, make, tmp_path):
    _, checkpoints = make(tmp_path, keep=9)
    scores = [2.0, 1.0, 1.0]
    scores[place] = odd
    for step, score in enumerate(scores, start=1):
        checkpoints.save(step, score)
        if score != odd and score == score:
            assert f"step-{checkpoints.load('best').step:06d}\n" == (tmp_path / "best").read_text()
    assert checkpoints.load("best").step == (3 if place == 1 else 2)


def test_where_no_score_is_a_number_there_is_no_best(make, tmp_path):
    _, checkpoints = make(tmp_path, keep=9)
    for step, score in enumerate((float("nan"), float("inf"), None), start=1):
        checkpoints.save(step, score)
    assert not (tmp_path / "best").exists()
    with pytest.raises(CheckpointError, match=r"wanted a valid checkpoint \(best\)"):
        checkpoints.load("best")
    assert checkpoints.load().step == 3


def test_a_run_continued_from_an_earlier_step_is_not_confused_by_later_ones(make, tmp_path):
    _, checkpoints = make(tmp_path, keep=3)
    for step in (10, 20, 30):
        checkpoints.save(step)
    assert checkpoints.load(10).step == 10
    checkpoints.save(15)
    assert checkpoints.load().step == 15
    assert checkpoints.steps() == [10, 15, 20, 30]


@pytest.mark.parametrize("pointer", ["", "step-000099\n", "\x00\xff", None])
def test_a_broken_pointer_only_means_the_newest(make, tmp_path, pointer):
    _, checkpoints = make(tmp_path)
    checkpoints.save(1)
    checkpoints.save(2)
    (tmp_path / "latest").unlink()
    if pointer is not None:
        (tmp_path / "latest").write_bytes(pointer.encode("latin-1"))
    assert checkpoints.load().step == 2


@pytest.mark.parametrize("which", ["newest", "7"])
def test_which_checkpoint_must_be_said_plainly(make, tmp_path, which):
    with pytest.raises(ValueError, match='wanted "latest", "best" or the number of a step, got'):
        make(tmp_path)[1].load(which)
    with pytest.raises(ValueError, match=r"wanted keep >= 1, got 0"):
        Checkpoints(tmp_path, {}, keep=0)


def test_a_pointer_that_a_kill_left_half_written_goes_with_the_next_save(make, tmp_path):
    _, checkpoints = make(tmp_path)
    checkpoints.save(1)
    (tmp_path / ".latest.part-4711").write_text("step-00")
    assert checkpoints.load().step == 1
    checkpoints.save(2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "step-000001", "step-000002"]
