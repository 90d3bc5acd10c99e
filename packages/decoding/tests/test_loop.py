"""The loop: rows enter, are written and leave, each as if it were alone; equal prompts are read once."""

import dataclasses

import pytest
import torch

from decoding import Batch, GenerationSettings, generate_ids

GREEDY = GenerationSettings(max_new_tokens=50, temperature=0)


PROMPTS = [[3], [1, 4, 1, 5, 9, 2, 6], [5, 3, 5], [8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4]]


def greedy_by_hand(model, prompt, count):
    """The definition: ask the model for the whole text again for every token."""
    ids = list(prompt)
    for _ in range(count):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    return tuple(ids[len(prompt) :])


def test_a_ragged_batch_gives_each_row_what_it_gives_alone(tiny_model):
    expected = [greedy_by_hand(tiny_model, prompt, 30) for prompt in PROMPTS]
    settings = dataclasses.replace(GREEDY, max_new_tokens=30)
    assert [row.ids for row in generate_ids(tiny_model, PROMPTS, settings)] == expected


def test_a_row_that_leaves_early_does_not_change_the_others(tiny_model):
    alone = generate_ids(tiny_model, PROMPTS, dataclasses.replace(GREEDY, max_new_tokens=20))
    stop = alone[1].ids[4]
    rows = generate_ids(tiny_model, PROMPTS, dataclasses.replace(GREEDY, max_new_tokens=20), end_of_text=stop)
    assert rows[1].finish_reason == "end_of_text"
    for row, whole in zip(rows, alone, strict=True):
        cut = whole.ids.index(stop) + 1 if stop in whole.ids else 20
        assert row.ids == whole.ids[:cut]


def test_finished_rows_are_no_longer_computed(tiny_model):
    sizes = []
    tiny_model.register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    rows = generate_ids(tiny_model, [[1] * 45, [2] * 40, [3]], dataclasses.replace(GREEDY, max_new_tokens=12))
    assert [len(row.ids) for row in rows] == [3, 8, 12]
    assert sizes == [3] * 3 + [2] * 5 + [1] * 4


def test_a_row_ends_with_length_where_the_context_is_full(tiny_model):
    settings = dataclasses.replace(GREEDY, max_new_tokens=10)
    prompts = [[1] * 48, [1] * 47, [2] * 38, [3] * 39, [4]]
    rows = generate_ids(tiny_model, prompts, settings)
    assert [len(row.ids) for row in rows] == [0, 1, 10, 9, 10]
    assert [row.finish_reason for row in rows] == ["length", "length", "max_new_tokens", "length", "max_new_tokens"]
    assert rows[3].ids == greedy_by_hand(tiny_model, prompts[3], 9)


def test_rows_that_wait_enter_as_others_leave_and_get_what_they_get_alone(tiny_model):
    prompts = [[3], [1, 4, 1, 5, 9, 2, 6], [5, 3, 5] * 11, [8, 9, 7, 9], [2, 7] * 10, [6]]
    settings = [dataclasses.replace(GREEDY, max_new_tokens=count) for count in (3, 12, 6, 1, 9, 20)]
    alone = [generate_ids(tiny_model, [prompt], one)[0] for prompt, one in zip(prompts, settings, strict=True)]
    sizes = []
    tiny_model.register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    for max_rows in (1, 2, 3, 6):
        assert generate_ids(tiny_model, prompts, settings, max_rows=max_rows) == alone
        assert max(sizes) == max_rows
        sizes.clear()


def test_rows_may_be_added_while_others_are_written(tiny_model):
    batch = Batch(tiny_model, max_rows=4)
    first = batch.add([1, 4, 1, 5], dataclasses.replace(GREEDY, max_new_tokens=12))
    for _ in range(4):
        batch.step()
    later = [batch.add([5, 3] * 20, dataclasses.replace(GREEDY, max_new_tokens=5)), batch.add([7], GREEDY)]
    batch.run()
    for row in (first, *later):
        assert row.result == generate_ids(tiny_model, [row.prompt], row.settings)[0]
    assert batch.step() == []
    again = batch.add([1, 4, 1, 5], dataclasses.replace(GREEDY, max_new_tokens=12))
    batch.run()
    assert again.result.ids == first.result.ids


def test_the_cache_is_allocated_once(tiny_model):
    made, new_cache = [], tiny_model.new_cache
    tiny_model.new_cache = lambda *sizes: made.append(sizes) or new_cache(*sizes)
    settings = [dataclasses.replace(GREEDY, max_new_tokens=count) for count in (3, 9, 5, 7)]
    generate_ids(tiny_model, [[1], [2, 3], [4] * 9, [5] * 3], settings, max_rows=2)
    assert made == [(2, 14)]


def test_a_row_that_may_forget_goes_on_from_its_newest_half(tiny_model, caplog):
    settings = dataclasses.replace(GREEDY, max_new_tokens=60, when_full="drop_oldest_half")
    shorter = dataclasses.replace(GREEDY, max_new_tokens=30)
    row, other = generate_ids(tiny_model, [[1] * 40, [2, 3]], [settings, shorter])
    assert (len(row.ids), row.finish_reason) == (60, "max_new_tokens")
    text = [1] * 40
    for _ in range(60):
        if len(text) >= 48:  # the model never reads its last place: there would be no room for what follows
            text = text[-24:]
        text.append(int(tiny_model(torch.tensor([text]))[0, -1].argmax()))
    assert list(row.ids[-10:]) == text[-10:]
    assert other == generate_ids(tiny_model, [[2, 3]], shorter)[0]
    assert caplog.text.count("oldest half is forgotten") == 1


def test_a_cancelled_batch_keeps_what_was_written(tiny_model):
    answers = iter([False] * 5 + [True] * 99)
    rows = generate_ids(tiny_model, PROMPTS, GREEDY, cancelled=lambda: next(answers), max_rows=3)
    whole = generate_ids(tiny_model, PROMPTS, GREEDY)
    assert [len(row.ids) for row in rows] == [5, 5, 5, 0]
    assert {row.finish_reason for row in rows} == {"cancelled"}
    assert [row.ids for row in rows] == [row.ids[:n] for row, n in zip(whole, (5, 5, 5, 0), strict=True)]


def test_a_cancelled_row_leaves_the_others_alone(tiny_model):
    batch = Batch(tiny_model, max_rows=2)
    rows = [batch.add(prompt, dataclasses.replace(GREEDY, max_new_tokens=9)) for prompt in PROMPTS[:3]]
    batch.step()
    rows[0].cancel()
    batch.run()
    assert [(len(row.ids), row.finish_reason) for row in rows] == [
        (1, "cancelled"), (9, "max_new_tokens"), (9, "max_new_tokens"),
    ]  # fmt: skip
    assert rows[2].result == generate_ids(tiny_model, PROMPTS[2:3], rows[2].settings)[0]


def test_a_row_draws_by_its_number_not_by_how_many_came_before(tiny_model):
    batch = Batch(tiny_model, max_rows=2)
    for number in (3, 0, 3):
        row = batch.add(PROMPT, DRAWN, number=number)
        batch.run()
        assert row.result.ids == alone(tiny_model, PROMPT, DRAWN, number).ids
    assert batch.add(PROMPT, DRAWN).draws.get_state().equal(batch.add(PROMPT, DRAWN, number=0).draws.get_state())


def test_rows_that_come_after_all_have_ended_find_the_cache_and_the_packed_weights(tiny_model):
    made, new_cache = [], tiny_model.new_cache
    tiny_model.new_cache = lambda *sizes: made.append(sizes) or new_cache(*sizes)
    batch = Batch(tiny_model, max_rows=3)
    for prompts in ([[1], [2, 3], [4]], [[5]], [[6, 7], [8]]):
        rows = [batch.add(prompt, dataclasses.replace(GREEDY, max_new_tokens=12)) for prompt in prompts]
        batch.run()
        assert [row.result.ids for row in rows] == [greedy_by_hand(tiny_model, prompt, 12) for prompt in prompts]
    assert len(made) == 1


@pytest.fixture
def read(tiny_model):
    """How many tokens the model has read, padding not counted."""
    counts = []

    def count(module, inputs, options, output):
        lengths = options.get("lengths")
        counts.append(inputs[0].numel() if lengths is None else int(lengths.sum()))

    tiny_model.register_forward_hook(count, with_kwargs=True)
    return lambda: sum(counts)


PROMPT = [8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4]
DRAWN = GenerationSettings(max_new_tokens=9, temperature=6.0, seed=5)


def alone(model, prompt, settings, number):
    """Row `number` of a batch, written by itself."""
    return generate_ids(model, [prompt], settings, first_row=number)[0]


@pytest.mark.parametrize("max_rows", [1, 2, 3, 8])
def test_equal_prompts_are_read_once_and_each_row_draws_its_own(tiny_model, read, max_rows):
    rows = generate_ids(tiny_model, [PROMPT] * 8, DRAWN, max_rows=max_rows)
    assert read() == len(PROMPT) + 8 * (9 - 1)
    assert [row.ids for row in rows] == [alone(tiny_model, PROMPT, DRAWN, number).ids for number in range(8)]
    assert len({row.ids for row in rows}) > 4


def test_rows_that_end_at_once_hand_their_prompt_on(tiny_model, read):
    one = dataclasses.replace(DRAWN, max_new_tokens=1)
    rows = generate_ids(tiny_model, [PROMPT] * 5, one, max_rows=2)
    assert read() == len(PROMPT)
    assert [row.ids for row in rows] == [alone(tiny_model, PROMPT, one, number).ids for number in range(5)]


def test_equal_prompts_between_others_are_read_once_while_a_row_holds_them(tiny_model, read):
    prompts = [PROMPT, [1, 2], PROMPT, [3], PROMPT, [1, 2], [1, 2]]
    settings = [dataclasses.replace(DRAWN, max_new_tokens=count) for count in (5, 9, 7, 3, 4, 6, 1)]
    rows = generate_ids(tiny_model, prompts, settings, max_rows=3)
    assert read() == len(PROMPT) + 2 + 1 + sum(one.max_new_tokens - 1 for one in settings)
    for number, (row, prompt, one) in enumerate(zip(rows, prompts, settings, strict=True)):
        assert row.ids == alone(tiny_model, prompt, one, number).ids


def test_a_prompt_that_no_row_holds_any_longer_is_read_again(tiny_model, read):
    batch = Batch(tiny_model, max_rows=2)
    first = batch.add(PROMPT, dataclasses.replace(DRAWN, max_new_tokens=2))
    batch.run()
    again = batch.add(PROMPT, dataclasses.replace(DRAWN, max_new_tokens=2), number=1)
    batch.run()
    assert read() == 2 * (len(PROMPT) + 1)
    assert first.result.ids == alone(tiny_model, PROMPT, first.settings, 0).ids
    assert again.result.ids == alone(tiny_model, PROMPT, again.settings, 1).ids


def test_a_row_that_has_forgotten_its_prompt_is_not_copied(tiny_model):
    forgets = dataclasses.replace(GREEDY, max_new_tokens=60, when_full="drop_oldest_half")
    batch = Batch(tiny_model, max_rows=2)
    first = batch.add(PROMPT, forgets)
    while len(first.ids) < 40:
        batch.step()
    again = batch.add(PROMPT, dataclasses.replace(GREEDY, max_new_tokens=8))
    batch.run()
    assert again.result.ids == greedy_by_hand(tiny_model, PROMPT, 8)


def test_a_row_that_waits_for_a_prompt_reads_it_itself_when_its_reader_is_cancelled(tiny_model):
    batch = Batch(tiny_model, max_rows=2)
    rows = [batch.add(PROMPT, DRAWN, number=number) for number in range(2)]
    rows[0].cancel()
    batch.run()
    assert rows[0].result.ids == ()
    assert rows[1].result.ids == alone(tiny_model, PROMPT, DRAWN, 1).ids


def test_equal_prompts_need_no_cache_that_can_be_cut(tiny_model):
    new_cache = tiny_model.new_cache
    expected = generate_ids(tiny_model, [PROMPT, [1], PROMPT], DRAWN)

    class Uncut:
        """A cache that can select rows, and no more."""

        def __init__(self, cache):
            self.select, self.advance, self.layer = cache.select, cache.advance, cache.layer
            self.cache = cache

        @property
        def lengths(self):
            return self.cache.lengths

    tiny_model.new_cache = lambda *sizes: Uncut(new_cache(*sizes))
    assert generate_ids(tiny_model, [PROMPT, [1], PROMPT], DRAWN) == expected
