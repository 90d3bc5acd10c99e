"""Many documents to one array: cut and joined over threads, with the ids that each has alone."""

import pytest
from hypothesis import given, settings, strategies as st

from gpt2.tokenizer.documents import encode_documents


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab'l 1\n\t\x1f\u0085漢"), max_size=60), max_size=5), st.integers(1, 20))
def test_documents_cut_and_joined_have_the_ids_of_each_alone(tokenizer, texts, size):
    texts = [*texts, "x <|endoftext|>\ny"]
    end, wanted = tokenizer.end_of_text, []
    for text in texts:
        wanted += [end, *tokenizer.encode(text)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gpt2.tokenizer.documents.GROUP", size)
        got = encode_documents(tokenizer, texts, threads=2)
    assert got.tolist() == [*wanted, end]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab'l 1\n\t漢"), max_size=60), max_size=5), st.integers(1, 20))
def test_documents_of_any_pattern_have_the_ids_of_each_alone(own, texts, size):
    texts = [*texts, "x <|endoftext|>\ny <|user|>", "a\nb" * 30]
    wanted = [i for text in texts for i in [own.end_of_text, *own.encode(text)]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gpt2.tokenizer.documents.GROUP", size)
        got = encode_documents(own, texts, threads=2)
    assert got.tolist() == [*wanted, own.end_of_text]


def test_documents_are_framed_by_end_of_text(tokenizer):
    ids = encode_documents(tokenizer, ["ab", "c d"])
    end = tokenizer.end_of_text
    assert ids.dtype == "uint16"
    assert ids.tolist() == [end, *tokenizer.encode("ab"), end, *tokenizer.encode("c d"), end]
