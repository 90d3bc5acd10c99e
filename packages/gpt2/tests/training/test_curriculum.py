"""What a run learns from at each step is arithmetic: the same however a run came there."""

import dataclasses

import pytest
import torch

import gpt2
from gpt2 import Curriculum, TextCurriculum, TrainSettings


@pytest.fixture(scope="module")
def curriculum(text_file, tmp_path_factory) -> TextCurriculum:
    """Of a recipe that begins with half of the context."""
    out = tmp_path_factory.mktemp("curriculum") / "run"
    return gpt2.run(TrainSettings(text=str(text_file), out=out, recipe="small", steps=10, batch_size=4)).curriculum


def test_it_is_what_a_run_asks_for(curriculum):
    assert isinstance(curriculum, Curriculum)
    assert curriculum.steps == 10
    assert curriculum.held_out_bytes == curriculum.text.held_out_bytes > 0


def test_the_first_windows_are_halves_and_twice_as_many(curriculum):
    shapes = [tuple(step[0][0].shape) for step in curriculum.steps_from(0)]
    assert shapes == [(8, 32)] * 7 + [(4, 64)] * 3


def test_the_shapes_of_all_micro_batches_to_come_are_there_to_be_tried(curriculum):
    def coming(each, start):
        return [(tuple(batch[0].shape), count) for batch, count in each.samples(start)]

    assert coming(curriculum, 5) == [((8, 32), 2), ((4, 64), 3)]
    assert coming(dataclasses.replace(curriculum, micro_batch_size=2), 0) == [((4, 32), 14), ((2, 64), 6)]


def test_a_step_is_the_same_from_wherever_it_is_reached(curriculum):
    every = list(curriculum.steps_from(0))
    for start in (3, 6, 7, 9):
        later = list(curriculum.steps_from(start))
        assert len(later) == 10 - start
        for ours, theirs in zip(every[start:], later, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(ours[0], theirs[0], strict=True))


def test_micro_batches_hold_the_same_windows(curriculum):
    cut = dataclasses.replace(curriculum, micro_batch_size=3)
    for whole, parts in zip(curriculum.steps_from(0), cut.steps_from(0), strict=True):
        for side in (0, 1):
            assert torch.equal(whole[0][side], torch.cat([part[side] for part in parts]))


def test_every_held_out_token_is_a_target_once(curriculum):
    targets = torch.cat([batch[1].flatten() for step in curriculum.held_out() for batch in step])
    held = torch.as_tensor(curriculum.text.held_out[1:].astype("int64"))
    assert torch.equal(targets[targets >= 0].sort().values, held.sort().values)
