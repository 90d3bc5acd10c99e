"""What cannot be asked of a model is refused before the first token, with what to do."""

import dataclasses
import subprocess
import sys

import numpy
import pytest
import torch

from decoding import GenerationSettings, generate_ids
from decoding.requests.checks import ids_of

GREEDY = GenerationSettings(max_new_tokens=50, temperature=0)


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


def test_what_the_protocol_lacks_is_named_without_the_annotations():
    program = "import torch, decoding; decoding.generate_ids(torch.nn.Linear(1, 1), [[1]])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "got Linear without ['new_cache', 'n_ctx', 'n_vocab']; wrap it" in result.stderr


def test_one_prompt_where_several_are_wanted_is_told_what_to_write():
    assert ids_of(torch.tensor([3, 4])) == ids_of(numpy.array([3, 4])) == ids_of((3, 4)) == [3, 4]
    for wrong, words in ((5, r"got 5; write \[\[15, 496\]\]"), ("ab", "got the text 'ab'; encode it, or use generate")):
        with pytest.raises(TypeError, match=f"wanted a row of ids as a prompt, {words}"):
            ids_of(wrong)
    with pytest.raises(TypeError, match="write"):
        ids_of([1.5])
