"""`generate_ids` gives transformers' greedy ids, batch or alone, and ends each row where it should."""

import pytest
import torch

import gpt2
from decoding import GenerationSettings, generate_ids, samples

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


def test_end_of_text_is_an_ordinary_token_when_asked(tiny_model):
    settings = GenerationSettings(max_new_tokens=40, temperature=5.0, stop_at_end_of_text=False)
    row = generate_ids(tiny_model, [[1]], settings, end_of_text=7)[0]
    assert 7 in row.ids[:-1]
    assert row.finish_reason == "max_new_tokens"


def test_no_prompts_give_no_rows(tiny_model):
    assert generate_ids(tiny_model, [], GREEDY) == []


def test_greedy_ids_of_a_saved_gpt2_equal_those_of_transformers(trained, tmp_path):
    from transformers import GPT2LMHeadModel

    model, tokenizer = trained
    gpt2.save(tmp_path, model, tokenizer)
    theirs = GPT2LMHeadModel.from_pretrained(tmp_path).eval()
    prompts = [tokenizer.encode(text) for text in ("the", "on the mat, 世", "🙂 sat", "über the cat on the cat")]
    rows = generate_ids(model, prompts, GenerationSettings(max_new_tokens=50, temperature=0))
    assert len(set(rows[0].ids)) > 5, "the model stands still, the test would show nothing"
    for prompt, row in zip(prompts, rows, strict=True):
        tokens = torch.tensor([prompt])
        expected = theirs.generate(
            tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=50, do_sample=False, eos_token_id=None,
            pad_token_id=0,
        )  # fmt: skip
        assert row.ids == tuple(expected[0, len(prompt) :].tolist())


def test_samples_read_their_prompt_once_and_draw_as_the_rows_of_a_batch(tiny_model):
    prompt, settings = list(range(20)), GenerationSettings(max_new_tokens=6, seed=3)
    tokens = []
    hook = tiny_model.register_forward_hook(lambda module, inputs, output: tokens.append(inputs[0].numel()))
    found = samples(tiny_model, prompt, settings, 5)
    assert tokens == [20] + [5] * 5
    hook.remove()
    apart = [generate_ids(tiny_model, [prompt], settings, first_row=number)[0] for number in range(5)]
    assert [one.ids for one in found] == [one.ids for one in apart]
    assert all(len(one.log_probabilities) == 6 for one in found)


@pytest.mark.parametrize(
    ("count", "temperature", "words"),
    [
        (0, 1.0, "wanted a count of 1 or more, got 0; 8 is usual"),
        (2, 0.0, "wanted settings that draw, got temperature 0"),
    ],
)
def test_samples_that_would_be_none_or_all_the_same_are_refused(tiny_model, count, temperature, words):
    with pytest.raises(ValueError, match=words):
        samples(tiny_model, [1], GenerationSettings(temperature=temperature), count)


def test_settings_for_another_number_of_prompts_are_refused(tiny_model):
    with pytest.raises(ValueError, match="wanted settings for 2 prompts, got 1; give one for all, or one for each"):
        generate_ids(tiny_model, [[1], [2]], [GREEDY])
