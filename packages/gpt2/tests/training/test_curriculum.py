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


def test_cut_windows_keep_their_positions_and_are_those_of_the_whole_ones(curriculum):
    kept = dataclasses.replace(curriculum, recipe=curriculum.recipe.replace(keep_positions=True))
    whole = curriculum.batches()
    for number, [batch] in enumerate(kept.steps_from(0)):
        inputs, targets = whole[number][0]
        if number < 7:
            assert batch[2].tolist() == [0, 32] * 4
            assert torch.equal(batch[0], inputs.view(8, 32))
            assert torch.equal(batch[1], targets.view(8, 32))
        else:
            assert len(batch) == 2
            assert torch.equal(batch[0], inputs)
    [later] = next(kept.steps_from(5))
    assert torch.equal(later[0], whole[5][0][0].view(8, 32))


def test_all_positions_are_learned_from_the_first_step_on(curriculum):
    kept = dataclasses.replace(curriculum, recipe=curriculum.recipe.replace(keep_positions=True))
    moved = []
    for one in (curriculum, kept):
        model = gpt2.GPT2(gpt2.recipe("small").config.replace(n_vocab=one.text.tokenizer.n_vocab))
        total, _ = one.loss(model, next(one.steps_from(0))[0])
        total.backward()
        moved.append(model.position_embedding.weight.grad.abs().sum(1) > 0)
    assert moved[0].tolist() == [True] * 32 + [False] * 32
    assert moved[1].all()


def test_a_piece_of_a_window_is_judged_at_its_own_positions():
    model = gpt2.GPT2(gpt2.GPT2Config(n_vocab=300, n_ctx=16, n_embd=16, n_head=2, n_layer=1))
    tokens = torch.randint(300, (2, 8))
    moved = gpt2.GPT2(model.config)
    moved.load_state_dict(model.state_dict())
    with torch.no_grad():
        moved.position_embedding.weight.copy_(model.position_embedding.weight.roll(-8, 0))
    starts = torch.tensor([8, 8])
    assert torch.equal(model.loss(tokens, tokens, starts)[0], moved.loss(tokens, tokens)[0])
    with pytest.raises(ValueError, match="positions"):
        model.loss(tokens, tokens, starts + 1)


def test_shifted_windows_come_from_elsewhere(curriculum):
    shifted = dataclasses.replace(curriculum, recipe=curriculum.recipe.replace(shift_windows=True))
    whole = torch.as_tensor(curriculum.text.train[:].astype("int64")).unfold(0, 65, 1)
    [(inputs, targets)] = list(shifted.steps_from(0))[9]
    rows = torch.cat([inputs, targets[:, -1:]], dim=1)
    offsets = [{int(place) % 64 for place in (whole == row).all(1).nonzero()} for row in rows]
    assert len(set.intersection(*offsets)) == 1
    assert 0 not in set.intersection(*offsets)


def test_half_batches_are_the_whole_ones_cut_in_two(curriculum):
    ramped = dataclasses.replace(curriculum, recipe=curriculum.recipe.replace(batch_ramp=0.4, half_context=0.0))
    whole, steps = curriculum.batches(), list(ramped.steps_from(0))
    assert [len(inputs) for [(inputs, _)] in steps] == [2] * 4 + [4] * 6
    halves = [torch.cat([side for [(side, _)] in steps[n : n + 2]]) for n in (0, 2)]
    learned = [*halves, *(inputs for [(inputs, _)] in steps[4:])]
    assert all(torch.equal(ours, whole[n][0][0]) for n, ours in enumerate(learned))
    assert ramped.recipe.windows_from() == sum(len(inputs) for inputs in learned)
    assert ramped.recipe.windows_from(3) == 2 + 6 * 4
    for start in (1, 4, 7):
        assert torch.equal(next(ramped.steps_from(start))[0][0], steps[start][0][0])


def test_half_batches_and_half_windows_end_where_the_recipe_says(curriculum):
    both = dataclasses.replace(curriculum, recipe=curriculum.recipe.replace(batch_ramp=0.4, half_context=0.7))
    shapes = [tuple(inputs.shape) for [(inputs, _)] in both.steps_from(0)]
    assert shapes == [(4, 32)] * 4 + [(8, 32)] * 3 + [(4, 64)] * 3
