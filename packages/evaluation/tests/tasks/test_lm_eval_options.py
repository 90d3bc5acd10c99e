"""lm-eval's options become settings, or are refused by name."""

import re

import pytest

from decoding import GenerationSettings
from evaluation.tasks.lm_eval_options import settings_of

GREEDY = GenerationSettings(max_new_tokens=256, temperature=0)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, GREEDY),
        ({"do_sample": False, "temperature": 0.7, "top_p": 0.5, "top_k": 4, "length_penalty": 2.0}, GREEDY),
        ({"until": None, "max_gen_toks": None, "num_beams": 1}, GREEDY),
        ({"temperature": 0.7}, GenerationSettings(max_new_tokens=256, temperature=0.7, top_k=50)),
        (
            {"do_sample": True, "temperature": "0.7", "top_k": 0, "top_p": 0.9},
            GenerationSettings(max_new_tokens=256, temperature=0.7, top_p=0.9),
        ),
        ({"max_tokens": 3, "max_new_tokens": "4"}, GenerationSettings(max_new_tokens=4, temperature=0)),
        (
            {"num_beams": 3, "length_penalty": 2.0, "early_stopping": True, "until": "x"},
            GenerationSettings(
                max_new_tokens=256, temperature=0, beams=3, length_penalty=2.0, early_stopping=True, stop=("x",)
            ),
        ),
    ],
)
def test_options_become_settings(options, expected):
    assert settings_of(options, 256) == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_length": 9, "suppress_tokens": [1]}, "got ['max_length', 'suppress_tokens']; remove them"),
        ({"do_sample": True}, "do_sample: wanted a temperature above 0 beside it, got 0.0; give one"),
        ({"do_sample": "false"}, "do_sample: wanted true or false, got 'false'"),
        ({"temperature": "hot"}, "temperature: wanted a number, got 'hot'"),
        (
            {"temperature": float("nan"), "do_sample": True},
            "do_sample: wanted a temperature above 0 beside it, got nan",
        ),
        ({"temperature": float("inf")}, "wanted generation options that make sense"),
        ({"max_gen_toks": float("inf")}, "max_gen_toks: wanted a number, got inf"),
        ({"max_new_tokens": 0}, "wanted generation options that make sense"),
        ({"max_new_tokens": True}, "max_gen_toks: wanted a number, got True"),
        ({"num_beams": []}, "num_beams: wanted a number, got []"),
        ({"num_beams": 0}, "wanted generation options that make sense"),
        ({"until": ["a", ""]}, "until: wanted a text or a list of texts, none of them empty, got ['a', '']"),
        ({"until": 3}, "until: wanted a text or a list of texts"),
        ({"repetition_penalty": "x"}, "wanted generation options that make sense"),
        ({"temperature": 1.0, "top_p": 3}, "wanted generation options that make sense"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        settings_of(options, 256)
