"""A row among neighbors is the row alone, to the last bit; places are taken and given back without moving anyone."""

import random
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import log_softmax

from decoding import Batch, GenerationSettings
from decoding.places import choosing
from decoding.rows import Row
from decoding.settings.vocabulary import Vocabulary
from decoding.step import choose

SETTINGS = GenerationSettings(max_new_tokens=12, temperature=1.3, seed=3, log_probabilities=3)


def alone(batch, row, number=0):
    assert batch.is_idle
    one = batch.add(row.prompt, row.settings, number=number)
    batch.run()
    return one


def same(one, other):
    """To the last bit: float32 numbers as Python's are compared exactly."""
    return (one.ids, one.log_probabilities, one.likeliest, one.finish_reason) == (
        other.ids, other.log_probabilities, other.likeliest, other.finish_reason,
    )  # fmt: skip


def random_request(chance):
    prompt = [chance.randrange(211) for _ in range(chance.choice([1, 2, 7, 40, 64, 65, 90, 129]))]
    changes = [{"temperature": 0}, {"top_p": 0.8}, {"repetition_penalty": 1.2}, {"min_p": 0.02, "top_k": 20}, {}]
    return prompt, replace(
        SETTINGS, seed=chance.randrange(99), max_new_tokens=chance.randint(1, 12), **chance.choice(changes)
    )


@pytest.mark.parametrize(
    ("max_rows", "cache_dtype"),
    [
        (5, None),  # few enough for the kernels
        (11, torch.int8),
        pytest.param(11, None, marks=pytest.mark.slow),
        pytest.param(5, torch.int8, marks=pytest.mark.slow),
    ],
)
def test_rows_among_random_neighbors_are_rows_alone_to_the_bit(model, way, max_rows, cache_dtype):
    chance, rows = random.Random(max_rows), []
    batch = Batch(model, exact=True, max_rows=max_rows, cache_dtype=cache_dtype)
    while len(rows) < 10 or not batch.is_idle:
        if len(rows) < 10 and chance.random() < 0.4:
            prompt, settings = random_request(chance)
            number = chance.randrange(3)
            rows.append((batch.add(prompt, settings, number=number), number))
        if chance.random() < 0.02 and batch.rows:
            chance.choice(batch.rows).cancel()
        batch.advance()
    ended = [(row, number) for row, number in rows if row.finish_reason != "cancelled"]
    assert len(ended) > 6
    place = Batch(model, exact=True, max_rows=max_rows, cache_dtype=cache_dtype)
    for row, number in ended:
        assert same(row, alone(place, row, number))


def test_rows_with_fixed_places_write_what_moving_rows_write(model, way):
    chance = random.Random(1)
    requests = [random_request(chance) for _ in range(9)]
    fixed, moving = (Batch(model, exact=exact, max_rows=4) for exact in (True, False))
    ours, theirs = ([batch.add(*request) for request in requests] for batch in (fixed, moving))
    fixed.run(), moving.run()
    assert [row.ids for row in ours] == [row.ids for row in theirs]


def test_coming_and_going_moves_nobody_and_allocates_nothing(model, way, monkeypatch):
    batch = Batch(model, exact=True, max_rows=4)
    memory = [stored.data_ptr() for stored in batch.places.cache.cache.whole]
    rows = [batch.add([n, n + 1, n + 2], replace(SETTINGS, max_new_tokens=20)) for n in range(4)]
    for _ in range(8):
        batch.step()
    held = [stored[[0, 1, 3], :, :4].clone() for stored in batch.places.cache.cache.whole]
    monkeypatch.setattr(type(batch.places.cache), "copy", lambda *given: pytest.fail("a row was copied"))
    rows[2].cancel()
    later = batch.add([9] * 70, SETTINGS)
    batch.run()
    assert len(later.ids) == 12
    for stored, before in zip(batch.places.cache.cache.whole, held, strict=True):
        assert torch.equal(stored[[0, 1, 3], :, :4], before)
    assert [stored.data_ptr() for stored in batch.places.cache.cache.whole] == memory
    assert batch.places.seats == [None] * 4 or batch.is_idle


def calls_of(batch):
    """What each call of the model is given from now on: so many ids of each row. By torch the call of rows that write
    goes over all between the first and the last."""
    calls, session = [], batch.places.session
    together, part = session.feed_together, session.feed_part

    def read_together(several, cache):
        if (found := together(several, cache)) is not None:
            calls.append([len(one.ids) for one in several])
        return found

    def read_part(rows, tokens, **more):
        calls.append([len(ids) for ids in tokens])
        return part(rows, tokens, **more)

    session.feed_together, session.feed_part = read_together, read_part
    return calls


def test_a_long_prompt_is_read_in_chunks_while_others_write(model, way):
    batch = Batch(model, exact=True, max_rows=3)
    writer = batch.add([5], replace(SETTINGS, max_new_tokens=30))
    batch.advance()
    reader = batch.add([7] * 140, SETTINGS)
    seen = []
    for _ in range(7):
        batch.advance()
        seen.append((len(writer.ids), reader.read, len(reader.ids)))
    if way == "kernels":
        assert seen[:4] == [(2, 64, 0), (3, 128, 0), (4, 140, 1), (5, 141, 2)]
    else:
        assert seen == [(1, 64, 0), (2, 64, 0), (2, 128, 0), (3, 128, 0), (3, 140, 1), (4, 141, 2), (5, 142, 3)]


def test_short_prompts_share_a_turn_so_that_their_rows_write_together(model, way):
    batch = Batch(model, exact=True, max_rows=5)
    calls = calls_of(batch)
    rows = [batch.add([n + 1] * 20, replace(SETTINGS, max_new_tokens=4)) for n in range(5)]
    batch.run()
    if way == "kernels":
        assert calls == [[20] * 5, *[[1] * 5] * 3]
    else:
        assert calls == [*[[20]] * 3, [1] * 3, *[[20]] * 2, [1] * 5, [1] * 5, [1] * 2]
    assert [len(row.ids) for row in rows] == [4] * 5


@pytest.mark.parametrize(
    ("length", "by_torch", "by_kernels"),
    [
        (50, [[50]] * 3 + [[1] * 3], [[50] * 5 + [6], [1] * 5 + [44], [1] * 6]),
        (90, [[64], [26], [64], [26], [1] * 2], [[90, 90, 76], [1, 1, 14, 90, 90, 62], [1] * 5 + [28], [1] * 6]),
    ],
)
def test_while_more_rows_are_to_be_read_than_write_prompts_of_four_chunks_share_a_turn(
    model, way, length, by_torch, by_kernels
):
    batch, wanted = Batch(model, exact=True, max_rows=6), by_torch if way == "torch" else by_kernels
    calls = calls_of(batch)
    for n in range(6):
        batch.add([n + 1] * length, SETTINGS)
    for _ in wanted:
        batch.advance()
    assert calls == wanted


def test_where_more_rows_write_than_are_to_be_read_one_chunk_rides_along(model, way):
    batch = Batch(model, exact=True, max_rows=4)
    for n in range(2):
        batch.add([n], SETTINGS)
    batch.advance()
    calls = calls_of(batch)
    late = [batch.add([n + 1] * 50, SETTINGS) for n in range(2)]
    batch.advance(), batch.advance()
    assert calls == ([[1, 1, 50, 14], [1, 1, 1, 36]] if way == "kernels" else [[50], [1, 1, 1]])
    assert [len(row.ids) for row in late] == [2, int(way == "kernels")]


def test_equal_prompts_are_read_once(model, way):
    batch = Batch(model, exact=True, max_rows=3)
    calls = calls_of(batch)
    rows = [batch.add([7] * 70, SETTINGS, number=number) for number in range(7)]
    batch.run()
    assert [call for call in calls if max(call) > 1] == ([[70]] if way == "kernels" else [[64], [6]])
    place = Batch(model, exact=True, max_rows=3)
    for number in (0, 3, 6):
        assert same(rows[number], alone(place, rows[number], number))
    assert len({tuple(row.ids) for row in rows}) == 7


def test_a_row_that_forgets_its_oldest_half_goes_on_as_it_does_alone(model, way):
    forgets = replace(SETTINGS, when_full="drop_oldest_half", max_new_tokens=40)
    batch = Batch(model, exact=True, max_rows=3)
    row = batch.add([3, 1, 4] * 50, forgets)
    others = [batch.add([n] * (20 * n), replace(SETTINGS, max_new_tokens=20)) for n in range(2, 5)]
    batch.run()
    assert len(row.ids) == 40  # its context of 160 was full after ten
    place = Batch(model, exact=True, max_rows=3)
    for one in (row, others[2]):
        assert same(one, alone(place, one))


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 130, 160])
def test_who_watches_a_prompt_sees_the_logits_of_the_model(model, way, length):
    prompt = [n * 7 % 211 for n in range(length)]
    batch, seen = Batch(model, exact=True, max_rows=3), []
    batch.add([8, 8], SETTINGS)
    row = batch.add(prompt, SETTINGS, watch=lambda logits: seen.append(logits.clone()))
    batch.add(prompt, SETTINGS)
    batch.run()
    ours = torch.cat(seen)
    assert len(ours) == length
    torch.testing.assert_close(ours, model(torch.tensor([prompt]))[0].detach(), atol=1e-4, rtol=1e-4)
    assert (len(row.ids) == 0, row.finish_reason == "length") == (length == 160,) * 2 or 148 < length < 160
    if length < 160:
        wanted = log_softmax(ours[-1], dim=-1)[row.ids[0]]
        torch.testing.assert_close(torch.tensor(row.log_probabilities[0]), wanted)


def test_a_row_cancelled_in_its_prompt_gives_its_place_to_the_next(model, way):
    batch = Batch(model, exact=True, max_rows=1)
    first, second = batch.add([1] * 150, replace(SETTINGS, max_new_tokens=2)), batch.add([2], SETTINGS)
    batch.advance()
    assert (first.read, second.read) == (150 if way == "kernels" else 64, 0)
    first.cancel()
    assert batch.advance() == [second]
    assert len(first.ids) == (1 if way == "kernels" else 0)


def test_what_goes_wrong_with_one_row_ends_that_row(model, way):
    def breaks(ids):
        if len(ids) == 3:
            raise MemoryError("no more")
        return torch.ones(211, dtype=torch.bool)

    batch = Batch(model, exact=True, max_rows=4)
    rows = [batch.add([n, 5], SETTINGS, breaks if n == 1 else None) for n in range(3)]
    watched = batch.add([6] * 9, SETTINGS, watch=lambda logits: [][1])
    batch.run()
    assert isinstance(rows[1].failure, MemoryError)
    assert (len(rows[1].ids), rows[1].finish_reason) == (3, "cancelled")
    assert isinstance(watched.failure, IndexError)
    place = Batch(model, exact=True, max_rows=4)
    for row in (rows[0], rows[2]):
        assert same(row, alone(place, row))


def test_models_with_other_caches_are_refused(tiny_model):
    class Other:
        lengths = torch.zeros(2)

    tiny_model.new_cache = lambda *sizes: Other()
    with pytest.raises(TypeError, match="wanted a model with a KeyValueCache for rows that keep"):
        Batch(tiny_model, exact=True)
    with pytest.raises(ValueError, match="wanted a Batch with exact=True to watch"):
        Batch(tiny_model).add([1], watch=print)


def test_likeliest_ids_of_a_long_vocabulary_are_chosen_in_one_call(monkeypatch):
    calls = []
    monkeypatch.setattr(
        choosing, "choose", lambda logits, rows, *known: calls.append(len(rows)) or choose(logits, rows, *known)
    )
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    vocabulary = Vocabulary()
    logits = torch.randn(5, choosing.LONG + 1, generator=torch.Generator().manual_seed(1))
    plain, told = GenerationSettings(temperature=0), GenerationSettings(temperature=0, log_probabilities=0)
    drawn, bent = GenerationSettings(seed=1), GenerationSettings(temperature=0, repetition_penalty=1.2)
    rows = [Row((3,), each, torch.Generator()) for each in (plain, told, plain, drawn, bent)]
    assert choosing.choose_exactly(logits, rows, vocabulary) == rows
    assert calls == [2, 1, 1, 1]
    assert [row.ids for row in rows[:3]] == [[id] for id in logits[:3].argmax(dim=-1).tolist()]
