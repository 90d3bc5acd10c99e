"""Packed examples are what they would be alone."""

import random

import pytest
import torch

from finetuning import Template, encoded, fit, judge, packed_loss
from finetuning.packing import collated


def test_every_example_has_a_place_and_no_row_is_too_full():
    draw = random.Random(0)
    for _ in range(200):
        room = draw.randint(1, 40)
        lengths = [draw.randint(1, room) for _ in range(draw.randint(0, 30))]
        rows = fit(lengths, room)
        assert sorted(number for row in rows for number in row) == list(range(len(lengths)))
        assert all(0 < sum(lengths[number] for number in row) <= room for row in rows)
        least = -(-sum(lengths) // room)
        assert least <= len(rows) <= 11 / 9 * fewest(lengths, room) + 6 / 9


def fewest(lengths, room):
    """The fewest rows: by trying all where there are few, else a lower bound."""
    if len(lengths) > 8:
        return max(-(-sum(lengths) // room), sum(length > room / 2 for length in lengths)) * 9 / 11 + len(lengths)
    best = len(lengths)

    def place(rest, rows):
        nonlocal best
        if len(rows) >= best:
            return
        if not rest:
            best = len(rows)
            return
        for number, used in enumerate(rows):
            if used + rest[0] <= room:
                place(rest[1:], [*rows[:number], used + rest[0], *rows[number + 1 :]])
        place(rest[1:], [*rows, rest[0]])

    place(sorted(lengths, reverse=True), [])
    return best


def test_lengths_that_cannot_fit_are_refused():
    for wrong in (0, 11):
        with pytest.raises(ValueError, match=rf"wanted 1\.\.10, got {wrong}"):
            fit([3, wrong], 10)


@pytest.fixture
def examples(tokenizer):
    records = [("the fox", "jumps over"), ("lazy", "dog"), ("User: what", "a quick fox of course"), ("over", "the")]
    return [encoded(tokenizer, Template(), {"prompt": p, "completion": f" {c}"}) for p, c in records]


def test_the_loss_of_packed_rows_is_that_of_each_example_alone(model, examples):
    """The judge is torch's cross-entropy on plain calls of the model, an example at a time."""
    expected, count = torch.zeros(()), 0
    for example in examples:
        logits = model(torch.tensor([example.ids[:-1]]))[0]
        learned = torch.tensor(example.learned[1:])
        targets = torch.tensor(example.ids[1:])[learned]
        expected = expected + torch.nn.functional.cross_entropy(logits[learned], targets, reduction="sum")
        count += len(targets)
    for rows in ([[0, 1, 2, 3]], [[2, 0], [3, 1]], [[0], [1], [2], [3]]):
        batch = collated([[examples[number] for number in row] for row in rows])
        total, counted = packed_loss(model, batch)
        torch.testing.assert_close(total, expected, rtol=1e-5, atol=1e-4)
        assert counted == count


def test_padding_and_neighbors_get_no_gradient(model, examples):
    """What another example of the row reads, and the padding, changes nothing of an example's loss."""
    batch = collated([[examples[0], examples[2]], [examples[1]]])
    tokens, targets, positions, segments = batch
    only_first = targets.where((segments == 0) & (torch.arange(2) == 0)[:, None], -100)
    before = packed_loss(model, (tokens, only_first, positions, segments))[0]
    changed = tokens.where((segments == 0) & (torch.arange(2) == 0)[:, None], 7)
    assert not torch.equal(changed, tokens)
    torch.testing.assert_close(packed_loss(model, (changed, only_first, positions, segments))[0], before)


def test_judging_tells_what_greedy_decoding_would_write(model, tokenizer, examples):
    from decoding import GenerationSettings, generate_ids

    prompts = [example.ids[: example.learned.index(True)] for example in examples]
    settings = GenerationSettings(temperature=0, max_new_tokens=12)
    written = [found.ids for found in generate_ids(model, prompts, settings, end_of_text=tokenizer.end_of_text)]
    right = [
        type(example)((*prompt, *ids), (*[False] * len(prompt), *[True] * len(ids)), 1)
        for example, prompt, ids in zip(examples, prompts, written, strict=True)
    ]
    assert judge(model, right).share_exact.value == 1.0
    found = judge(model, examples)
    assert found.exact == tuple(a.ids == b.ids for a, b in zip(examples, right, strict=True))
    batch = collated([[example] for example in examples])
    assert sum(found.nats) == pytest.approx(packed_loss(model, batch)[0].item(), rel=1e-5)
    assert found.tokens == tuple(example.n_learned for example in examples)


def test_judging_holds_the_logits_of_some_answers_tokens_at_a_time(model, examples, monkeypatch):
    from finetuning.losses import logit_rows

    expected, held = judge(model, examples), []
    own = logit_rows.logits_of
    monkeypatch.setattr(logit_rows, "CHUNK_BYTES", 1)
    monkeypatch.setattr(logit_rows, "logits_of", lambda model, state: held.append(len(state)) or own(model, state))
    found = judge(model, examples)
    assert found.nats == pytest.approx(expected.nats, rel=1e-5)
    assert found.exact == expected.exact
    assert max(held) <= 16 < sum(held) == sum(expected.tokens)


def test_a_frozen_head_in_16_bits_says_what_a_learning_one_says(model, tokenizer):
    """Converted once or for every few rows: the same bits; and a table that learns is told what to learn."""
    example = encoded(
        tokenizer, Template(), {"prompt": "The quick brown", "completion": " fox jumps over the lazy dog"}
    )
    batch = collated([[example], [example, example]])
    with torch.autocast("cpu", torch.bfloat16):
        learning, _ = packed_loss(model, batch)
        [table] = torch.autograd.grad(learning, model.token_embedding.weight)
        frozen, _ = packed_loss(model.requires_grad_(False), batch)
    assert torch.equal(learning.detach(), frozen)
    others = [number for number in range(model.n_vocab) if number not in example.ids]
    assert table[others].any(dim=1).all()  # what only the head reads
