"""Streamed text equals generated text, and no piece ever holds half a character."""

import itertools

import pytest
import torch

from decoding import GenerationSettings, generate, generate_ids, stream

TEXT = "Grüße, 世界! 🙂🇨🇭 é"


def chain(ids, n_vocab=257):
    """Logits under which the ids of one text follow each other; a repeated id moves on at random."""
    table = torch.full((n_vocab, n_vocab), -torch.inf)
    for token, following in itertools.pairwise(ids):
        table[token, following] = 0.0
    table[table.isneginf().all(dim=1)] = 0.0
    return table


@pytest.fixture
def text_model(models, tokenizer):
    return models.Table(chain([*tokenizer.encode(TEXT), tokenizer.end_of_text]))


def test_pieces_join_to_the_generated_text(text_model, tokenizer):
    broken, whole = 0, 0
    for seed in range(40):
        settings = GenerationSettings(max_new_tokens=30, seed=seed)
        result = generate(text_model, tokenizer, ["G"], settings)[0]
        pieces = list(stream(text_model, tokenizer, "G", settings))
        assert "".join(pieces) == result.text
        assert all(pieces), "an empty piece says nothing"
        broken += "�" in result.text
        whole += any(len(piece.encode()) > 1 for piece in pieces)
    assert broken, "some rows should end in the middle of a character"
    assert whole, "some pieces should hold a character of several bytes"


def test_a_character_is_held_back_until_it_is_whole(models, tokenizer):
    text = "aé世🙂"
    model = models.Table(chain([*tokenizer.encode(text), tokenizer.end_of_text]))
    settings = GenerationSettings(temperature=0)
    assert list(stream(model, tokenizer, "a", settings)) == ["é", "世", "🙂"]
    assert generate(model, tokenizer, ["a"], settings)[0].text == "é世🙂"


def test_a_text_cut_in_a_character_ends_in_the_replacement_character(models, tokenizer):
    model = models.Table(chain([*tokenizer.encode("a🙂"), tokenizer.end_of_text]))
    settings = GenerationSettings(temperature=0, max_new_tokens=3)
    assert list(stream(model, tokenizer, "a", settings)) == ["�"]
    assert generate(model, tokenizer, ["a"], settings)[0].text == "�"


def test_generate_is_generate_ids_between_encode_and_decode(text_model, tokenizer):
    settings = GenerationSettings(max_new_tokens=25, seed=4)
    prompts = ["G", "世", "! 🙂"]
    rows = generate_ids(text_model, [tokenizer.encode(prompt) for prompt in prompts], settings, end_of_text=256)
    results = generate(text_model, tokenizer, prompts, settings)
    assert [(result.ids, result.finish_reason) for result in results] == [(row.ids, row.finish_reason) for row in rows]


def test_the_end_of_text_token_that_ends_a_row_is_no_text(models, tokenizer):
    model = models.Table(chain([*tokenizer.encode("ab"), 256]))
    result = generate(model, tokenizer, ["a"], GenerationSettings(temperature=0))[0]
    assert (result.text, result.ids, result.finish_reason) == ("b", (98, 256), "end_of_text")
    on = GenerationSettings(temperature=0, max_new_tokens=2, stop_at_end_of_text=False)
    assert generate(model, tokenizer, ["a"], on)[0].text == "b<|endoftext|>"


def test_an_empty_prompt_is_named(text_model, tokenizer):
    with pytest.raises(ValueError, match="a text to continue, got an empty one as prompt 2; give"):
        generate(text_model, tokenizer, ["a", ""])


@pytest.mark.parametrize("text", ["import", "y" * 99])
def test_one_text_is_no_list_of_its_letters(text_model, tokenizer, text):
    advice = rf"got one text, {text[:40]!r}; write \[{text[:40]!r}\] for a list of one$"
    with pytest.raises(TypeError, match=rf"wanted a list of prompts, {advice}"):
        generate(text_model, tokenizer, text)


def test_wrong_input_of_a_stream_is_reported_at_the_call(text_model, tokenizer):
    with pytest.raises(ValueError, match=r"1 to 1000 tokens.*got 1001"):
        stream(text_model, tokenizer, "a" * 1001)


def test_a_tokenizer_with_more_ids_than_the_model_is_refused(tiny_model, tokenizer):
    with pytest.raises(ValueError, match=r"at most 23 ids.*, got one of 257; use"):
        generate(tiny_model, tokenizer, ["a"])


@pytest.mark.parametrize("options", [{"penalty_alpha": 0.6, "top_k": 4}, {"prompt_lookup_tokens": 3}, {"beams": 2}])
def test_what_would_not_be_the_text_of_generate_is_not_streamed(text_model, tokenizer, options):
    settings = GenerationSettings(temperature=0, **options)
    with pytest.raises(ValueError, match=r"wanted .* to stream, got .*; use generate"):
        stream(text_model, tokenizer, "a", settings)


@pytest.mark.parametrize("seed", range(8))
def test_streamed_text_of_gpt2_equals_generated_text(trained, seed):
    settings = GenerationSettings(max_new_tokens=60, temperature=3.0, seed=seed)
    assert "".join(stream(*trained, "the cat", settings)) == generate(*trained, ["the cat"], settings)[0].text
