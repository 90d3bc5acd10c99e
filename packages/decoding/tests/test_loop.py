"""The loop gives transformers' greedy ids, batch or alone, and ends each row where it should."""

import dataclasses

import pytest
import torch

from decoding import GenerationSettings, generate_ids

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
        ([[1], []], None, r"1 to 48 tokens.*got 0 in prompt 1; start from"),
        ([[1] * 49], None, r"1 to 48 tokens.*got 49 in prompt 0; shorten"),
        ([[1, 23]], None, r"0 to 22.*got 23 in prompt 0; encode"),
        ([[-1]], None, r"0 to 22.*got -1 in prompt 0; encode"),
        ([[1]], 23, r"0 to 22.*got 23 in end_of_text; encode"),
    ],
)
def test_prompts_that_the_model_cannot_take_are_named(tiny_model, ids, end_of_text, words):
    with pytest.raises(ValueError, match=words):
        generate_ids(tiny_model, ids, GREEDY, end_of_text=end_of_text)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_logits_that_are_no_distribution_are_an_error(models, bad):
    table = torch.zeros(3, 3)
    table[1, 2] = bad
    with pytest.raises(ValueError, match=r"finite logits, got .* in row 1 of 2; check"):
        generate_ids(models.Table(table), [[0], [1]], GREEDY)
