"""Long runs of white space: the ids that the pattern gives, without the engine that gives up on them."""

import re
import time

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from gpt2 import Tokenizer
from gpt2.tokenizer import white_space

TEXTS = st.text(st.sampled_from("a'l 1 \n\t\x1f\x85\xa0\u3000漢\ud800<>|u"), max_size=40)


@pytest.fixture(scope="module")
def with_names(tokenizer):
    return Tokenizer(tokenizer.ranks, special=["<|u|>", " \n "], always=[" \n "])


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from([(), ("<|u|>",), ("<|endoftext|>",)]))
def test_cut_at_long_runs_ids_are_those_of_the_whole_text(tokenizer, with_names, text, allowed):
    text = text.replace("u", "<|u|>").replace("1", "   <|endoftext|>")
    wanted = [with_names.encode(text, allowed_special=allowed), tokenizer.encode(text)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(white_space, "LONG", 3)
        patch.setattr(white_space, "_RUN", re.compile(white_space._RUN.pattern.replace("100000", "3")))
        assert [with_names.encode(text, allowed_special=allowed), tokenizer.encode(text)] == wanted
        assert tokenizer.encode_array(text).tolist() == wanted[1]
        assert tokenizer.encode_batch([text, "a"])[0] == wanted[1]


MEGABYTES = {
    "equal signs": "=" * 10**6,
    "one line": "=" * 40_000 + " abc\n",
    "lines": " \n" * 500_000,
    "spaces": "x" + " " * 10**6 + "y",
    "tabs": "\t" * 10**6 + "<|endoftext|> a",
}


@pytest.mark.extras
@pytest.mark.parametrize("name", MEGABYTES)
def test_any_megabyte_trains_saves_loads_and_encodes_in_seconds(name, tmp_path, transformers):
    text = MEGABYTES[name]
    began = time.perf_counter()
    tokenizer = Tokenizer.train([text], 1000)
    tokenizer.save(tmp_path, n_ctx=9)
    ids = tokenizer.encode(text, allowed_special=tokenizer.special_ids)
    assert Tokenizer.load(tmp_path).fingerprint == tokenizer.fingerprint
    assert time.perf_counter() - began < 30  # some seconds on an idle machine
    assert tokenizer.decode(ids) == text
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path, model_max_length=10**9)
    assert np.array_equal(ids, theirs(text)["input_ids"])


def test_a_pattern_that_gives_up_is_said_in_a_sentence(tokenizer):
    own = Tokenizer(tokenizer.ranks, pattern=r"\s+(?=\S)|\S+|\s+")
    with pytest.raises(ValueError, match=r"wanted one that the pattern .* can cut, got one on which it gives up"):
        own.encode(" " * 10**6)
