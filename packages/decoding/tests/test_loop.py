"""The loop gives transformers' greedy ids, batch or alone, and ends each row where it should."""

import dataclasses

import pytest
import torch

from decoding import Batch, GenerationSettings, generate, generate_ids, stream

GREEDY = GenerationSettings(max_new_tokens=50, temperature=0)
PROMPTS = [[3], [1, 4, 1, 5, 9, 2, 6], [5, 3, 5], [8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4]]


def transformers_greedy(model, prompt, **options):
    prompt = torch.tensor([prompt])
    ids = model.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=50, do_sample=False, pad_token_id=0, **options
    )
    return tuple(ids[0, prompt.shape[1] :].tolist())


@pytest.mark.parametrize("seed", range(4))
def test_greedy_ids_equal_those_of_transformers(models, seed):
    theirs = models.transformers_gpt2(seed)
    ours = models.Transformers(theirs)
    expected = [transformers_greedy(theirs, prompt) for prompt in PROMPTS]
    assert len(set(expected[1])) > 5, "the model stands still, the test would show nothing"
    assert [row.ids for row in generate_ids(ours, PROMPTS, GREEDY)] == expected
    assert [generate_ids(ours, [prompt], GREEDY)[0].ids for prompt in PROMPTS] == expected


def test_rows_end_at_the_end_of_text_where_transformers_does(models):
    theirs = models.transformers_gpt2(0)
    stop = transformers_greedy(theirs, PROMPTS[1])[6]
    expected = [transformers_greedy(theirs, prompt, eos_token_id=stop) for prompt in PROMPTS]
    rows = generate_ids(models.Transformers(theirs), PROMPTS, GREEDY, end_of_text=stop)
    assert [row.ids for row in rows] == expected
    assert rows[1].finish_reason == "end_of_text"
    assert {row.finish_reason for row in rows} == {"end_of_text", "max_new_tokens"}


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


def test_end_of_text_is_an_ordinary_token_when_asked(tiny_model):
    settings = GenerationSettings(max_new_tokens=40, temperature=5.0, stop_at_end_of_text=False)
    row = generate_ids(tiny_model, [[1]], settings, end_of_text=7)[0]
    assert 7 in row.ids[:-1]
    assert row.finish_reason == "max_new_tokens"


def test_a_model_in_training_is_decoded_without_dropout_and_stays_as_it_was(tiny_model):
    expected = generate_ids(tiny_model, PROMPTS, GREEDY)
    tiny_model.train()
    tiny_model.dropout.eval()
    assert generate_ids(tiny_model, PROMPTS, GREEDY) == expected
    assert not tiny_model.dropout.training, "a layer frozen by hand stays frozen"
    tiny_model.dropout.train()
    assert generate_ids(tiny_model, PROMPTS, GREEDY) == expected
    assert tiny_model.training
    assert tiny_model.dropout.training


def test_no_prompts_give_no_rows(tiny_model):
    assert generate_ids(tiny_model, [], GREEDY) == []


@pytest.mark.parametrize(
    ("ids", "end_of_text", "words"),
    [
        ([[1], []], None, r"1 to 48 tokens.*got 0 in prompt 2; start from"),
        ([[1] * 49], None, r"1 to 48 tokens.*got 49 in prompt 1; shorten"),
        ([[1, 23]], None, r"0 to 22.*got 23 in prompt 1; encode"),
        ([[-1]], None, r"0 to 22.*got -1 in prompt 1; encode"),
        ([[1]], 23, r"0 to 22.*got 23 in end_of_text; encode"),
    ],
)
def test_prompts_that_the_model_cannot_take_are_named(tiny_model, ids, end_of_text, words):
    with pytest.raises(ValueError, match=words):
        generate_ids(tiny_model, ids, GREEDY, end_of_text=end_of_text)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"banned": tuple((token,) for token in range(23))}, "wanted at least one token .* ban them all: allow one"),
        ({"banned": ((23,),)}, r"0 to 22.*got 23 in banned; encode"),
        ({"stop": ("word",)}, r"wanted decode_bytes to find the stop strings \('word',\) .* got none; pass"),
    ],
)
def test_words_that_leave_nothing_or_cannot_be_known_are_refused(tiny_model, more, words):
    with pytest.raises(ValueError, match=words):
        generate_ids(tiny_model, [[1]], dataclasses.replace(GREEDY, **more))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_logits_that_are_no_distribution_are_an_error(models, bad):
    table = torch.zeros(3, 3)
    table[1, 2] = bad
    with pytest.raises(ValueError, match=r"finite logits, got .* in row 1 of 2; check"):
        generate_ids(models.Table(table), [[0], [1]], GREEDY)


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


def test_each_row_ends_at_its_own_stop_strings(models, tokenizer):
    table = torch.full((257, 257), -9.0)
    table[torch.arange(257), (torch.arange(257) + 1) % 257] = 9.0
    model = models.Table(table)
    settings = [dataclasses.replace(GREEDY, stop=stop) for stop in (("xyz", "fgh"), ("j",), ())]
    rows = generate_ids(model, [[97]] * 3, settings, decode_bytes=tokenizer.decode_bytes)
    assert [bytes(row.ids) for row in rows[:2]] == [b"bcdefgh", b"bcdefghij"]
    assert [row.finish_reason for row in rows] == ["stop", "stop", "max_new_tokens"]
    assert generate(model, tokenizer, ["a"], settings[0])[0].text == "bcde"
    pieces = list(stream(model, tokenizer, "a", settings[0]))
    assert "".join(pieces) == "bcde"
    held_back = list(stream(model, tokenizer, "a", dataclasses.replace(GREEDY, stop=("efX",), max_new_tokens=6)))
    assert held_back == ["b", "c", "d", "efg"], "what may begin a stop string waits until it is none"


def test_log_probabilities_are_the_models_own_and_the_likeliest_come_first(tiny_model):
    settings = GenerationSettings(max_new_tokens=6, temperature=0.5, top_k=3, seed=1, log_probabilities=4)
    rows = generate_ids(tiny_model, PROMPTS, settings)
    for prompt, row in zip(PROMPTS, rows, strict=True):
        logits = tiny_model(torch.tensor([[*prompt, *row.ids]]))[0, len(prompt) - 1 : -1].log_softmax(-1)
        expected = logits.gather(1, torch.tensor(row.ids)[:, None]).squeeze(1)
        assert torch.allclose(torch.tensor(row.log_probabilities), expected, atol=1e-5)
        assert [[token for token, _ in place] for place in row.likeliest] == logits.topk(4).indices.tolist()


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
