"""Settings come back from the file that transformers reads too."""

import json

import pytest

from decoding import GenerationSettings, read_settings, write_settings


def test_settings_come_back_from_the_file_that_transformers_reads_too(tmp_path):
    from transformers import GenerationConfig

    (tmp_path / "generation_config.json").write_text('{"eos_token_id": 7, "top_k": 3}')
    settings = GenerationSettings(
        max_new_tokens=9, temperature=0.7, top_p=0.8, stop=("a", "b"), banned=((1, 2),), dry_multiplier=0.5, beams=3,
        n_best=2, logit_bias=(((3, 4), -1.5),), order="llama.cpp", repetition_penalty=1.5, early_stopping="never",
    )  # fmt: skip
    write_settings(tmp_path, settings)
    assert read_settings(tmp_path) == settings
    theirs = GenerationConfig.from_pretrained(tmp_path)
    assert (theirs.eos_token_id, theirs.num_beams, theirs.num_return_sequences, theirs.do_sample) == (7, 3, 2, True)
    assert (theirs.temperature, theirs.top_p, theirs.max_new_tokens) == (0.7, 0.8, 9)
    assert theirs.bad_words_ids == [[1, 2]]
    greedy = GenerationSettings(temperature=0, no_repeat_ngram_size=3)
    write_settings(tmp_path, greedy)
    assert read_settings(tmp_path) == greedy
    assert GenerationConfig.from_pretrained(tmp_path).do_sample is False


def test_one_stop_string_is_no_list_of_its_letters(tmp_path):
    settings = GenerationSettings()
    object.__setattr__(settings, "stop", "end")
    with pytest.raises(TypeError, match=r"stop must be a tuple of texts, got one text, 'end'; write \('end',\)"):
        settings.__post_init__()
    (tmp_path / "generation_config.json").write_text('{"stop_strings": "end"}')  # as transformers allows
    assert read_settings(tmp_path).stop == ("end",)


def test_what_speaks_of_beams_alone_is_left_out_where_a_file_asks_for_none(tmp_path):
    (tmp_path / "generation_config.json").write_text('{"length_penalty": 2.0, "early_stopping": true}')
    assert read_settings(tmp_path) == GenerationSettings(temperature=0)
    (tmp_path / "generation_config.json").write_text('{"length_penalty": 2.0, "num_beams": 2}')
    assert read_settings(tmp_path) == GenerationSettings(temperature=0, length_penalty=2.0, beams=2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "wanted a JSON object, got '{' in"),
        ("[]", "wanted a JSON object"),
        ('{"do_sample": true, "top_p": 3}', "top_p must be above 0"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path, content, words):
    (tmp_path / "generation_config.json").write_text(content)
    with pytest.raises(ValueError, match=words):
        read_settings(tmp_path)


def written(folder, content):
    (folder / "generation_config.json").write_text(json.dumps(content))


def test_drawing_without_top_k_means_fifty_in_their_files_and_none_in_ours(tmp_path):
    written(tmp_path, {"do_sample": True, "temperature": 0.5})
    assert read_settings(tmp_path) == GenerationSettings(temperature=0.5, top_k=50)
    settings = GenerationSettings(temperature=0.5)
    write_settings(tmp_path, settings)
    content = json.loads((tmp_path / "generation_config.json").read_text())
    assert (content["top_k"], content["max_new_tokens"]) == (0, 100)  # theirs are 50 of them, and 20 with the prompt
    assert read_settings(tmp_path) == settings


def test_the_ids_that_end_a_text_come_from_the_configuration_where_the_file_is_new(tmp_path):
    (tmp_path / "config.json").write_text('{"eos_token_id": [5, 6], "bos_token_id": 3, "n_embd": 8}')
    write_settings(tmp_path, GenerationSettings(temperature=0))
    content = json.loads((tmp_path / "generation_config.json").read_text())
    assert content == {"eos_token_id": [5, 6], "bos_token_id": 3, "do_sample": False, "max_new_tokens": 100}


def test_fields_that_change_the_text_are_honored_or_refused_by_name(tmp_path):
    written(tmp_path, {"suppress_tokens": [4, 9], "bad_words_ids": [[1, 2]], "max_length": 30, "max_new_tokens": 7})
    wanted = GenerationSettings(temperature=0, banned=((1, 2), (4,), (9,)), max_new_tokens=7)
    assert read_settings(tmp_path) == wanted
    write_settings(tmp_path, wanted)
    assert "suppress_tokens" not in (tmp_path / "generation_config.json").read_text()
    assert read_settings(tmp_path) == wanted
    for name, value in {
        "max_length": 30, "num_return_sequences": 3, "begin_suppress_tokens": [4], "forced_eos_token_id": 5,
        "min_length": 4, "guidance_scale": 1.5, "max_time": 2.0, "exponential_decay_length_penalty": [3, 1.1],
        "some_new_field": 1, "renormalize_logits": True,
    }.items():  # fmt: skip
        written(tmp_path, {"do_sample": True, name: value})
        with pytest.raises(ValueError, match=f"generation_config.json: wanted .*{name}"):
            read_settings(tmp_path)
    written(tmp_path, {"use_cache": True, "min_length": 0, "max_time": None, "pad_token_id": 1, "guidance_scale": 1.0})
    assert read_settings(tmp_path) == GenerationSettings(temperature=0)
