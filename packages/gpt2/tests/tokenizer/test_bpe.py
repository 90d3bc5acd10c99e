"""The readable byte-pair encoding judges the fast one: the same merges learned, the same ids, on any text."""

import pytest
import regex
from hypothesis import given, settings, strategies as st

from gpt2 import Tokenizer
from gpt2.tokenizer import bpe
from gpt2.tokenizer.pattern import PATTERN

ALPHABETS = st.sampled_from(["ab ", "abc de", "aé漢 \n", "abcdefghij 12'l"])
TEXTS = ALPHABETS.flatmap(lambda alphabet: st.text(st.sampled_from(alphabet), max_size=200))


def pieces(text: str) -> list[bytes]:
    return [piece.encode() for piece in regex.findall(PATTERN, text)]


def ids(text: str, ranks: dict[bytes, int]) -> list[int]:
    return [ranks[token] for piece in pieces(text) for token in bpe.encode(piece, ranks)]


@settings(max_examples=60, deadline=None)
@given(text=TEXTS, other=TEXTS, n=st.integers(0, 60))
def test_any_text_gives_the_merges_and_the_ids_of_the_fast_tokenizer(text, other, n):
    fast = Tokenizer.train([text], 257 + n)
    assert bpe.train(pieces(text), n) == fast.ranks
    for each in (text, other):
        assert ids(each, fast.ranks) == fast.encode(each)


def test_real_text_gives_the_merges_and_the_ids_of_the_fast_tokenizer(topics):
    learned, unseen = "\n".join(topics[:3])[:12_000], topics[5]
    fast = Tokenizer.train([learned], 257 + 150)
    assert bpe.train(pieces(learned), 150) == fast.ranks
    assert ids(unseen, fast.ranks) == fast.encode(unseen)


def test_the_published_merges_are_the_halves_of_their_tokens(published, openai):
    lines = (openai / "vocab.bpe").read_text(encoding="utf-8").splitlines()[1:]
    ours = bpe.halves(published.ranks)
    assert len(ours) == len(lines) == 50_000
    assert [(len(left), len(right)) for left, right in ours[:3]] == [(1, 1), (1, 1), (1, 1)]
    assert ours[:3] == [(b" ", b"t"), (b" ", b"a"), (b"h", b"e")]


@settings(max_examples=100, deadline=None)
@given(text=TEXTS, n=st.integers(0, 60), repeated=st.integers(1, 40))
def test_halves_are_what_merging_a_token_again_leaves(text, n, repeated):
    ranks = bpe.train([*pieces(text), text.encode()[:9] * repeated], n)
    again = [
        tuple(bpe.joined([token[i : i + 1] for i in range(len(token))], ranks, below=id))
        for token, id in ranks.items()
        if len(token) > 1
    ]
    assert bpe.halves(ranks) == again


def test_tokens_of_any_length_are_halved_at_once():
    ranks = bpe.BYTES | {b"=" * 2**n: 255 + n for n in range(1, 19)}
    assert bpe.halves(ranks)[-1] == (b"=" * 2**17,) * 2
    with pytest.raises(ValueError, match="got more; not a BPE vocabulary"):
        bpe.halves(bpe.BYTES | {b"=" * 400: 256})


def test_the_example_of_the_docstring():
    assert bpe.train([b"low"] * 5 + [b"lower"] * 2, 2).keys() >= {b"lo", b"low"}
    assert bpe.encode(b"lower", {b"lo": 256, b"low": 257, b"er": 258}) == [b"low", b"er"]
    assert bpe.encode(b"", {}) == []


def test_what_no_merges_made_is_refused():
    with pytest.raises(ValueError, match=r"wanted token b'abc' to be two lower tokens, got \[b'a', b'b', b'c'\]"):
        bpe.halves(bpe.BYTES | {b"abc": 256})
