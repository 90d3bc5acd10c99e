"""The tokenizer against tiktoken's own reader of OpenAI's files and against `transformers`."""

import random

import pytest
from hypothesis import given, settings, strategies as st

from gpt2 import Tokenizer


def test_published_vocabulary_is_openais(published, theirs):
    assert published.ranks == theirs._mergeable_ranks
    assert (published.n_vocab, published.end_of_text) == (50257, 50256)
    assert published.encode("Hello world") == [15496, 995]


@pytest.fixture(scope="module")
def strange_texts() -> list[str]:
    """10,000 random strings, half of them from what is awkward, half from all of Unicode; no surrogates."""
    draw = random.Random(0)
    alphabet = ["a", " ", "  \n", "é", "漢", "🙂", "\u200d", "'ll", "1234", "\t", "<|", "\u0301", "\x00", "Ω", "-" * 9]
    texts = ["".join(draw.choices(alphabet, k=draw.randrange(1, 30))) for _ in range(5000)]
    anything = [*range(0xD800), *range(0xE000, 0x110000)]
    texts += ["".join(map(chr, draw.choices(anything, k=20))) for _ in range(5000)]
    texts += [space * n for space in (" ", "\n", "\t", " \n", "\u3000", "\xa0", "\r\n") for n in (1, 2, 3, 17, 80)]
    return [*texts, "👩‍👩‍👧‍👦🇩🇪👍🏽" * 3]


@pytest.fixture
def ids_of_transformers(transformers, tmp_path):
    def ids(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
        tokenizer.save(tmp_path, n_ctx=1024)
        return transformers.AutoTokenizer.from_pretrained(tmp_path, model_max_length=10**9)(texts)["input_ids"]

    return ids


def test_published_ids_equal_tiktoken(published, theirs, strange_texts):
    assert published.encode_batch(strange_texts) == theirs.encode_ordinary_batch(strange_texts)


def test_published_ids_equal_transformers(published, strange_texts, ids_of_transformers):
    longest = sorted(published.ranks, key=len)[-200:]
    texts = strange_texts + [token.decode() for token in longest]
    ours = published.encode_batch(texts)
    assert ours == ids_of_transformers(published, texts)
    assert ours == [published.encode_array(text).tolist() for text in texts]


def test_half_a_surrogate_pair_is_read_as_tiktoken_reads_it(published, theirs):
    for text in ("\ud800", "a\udfffb", "\udc00\ud800", "🙂\ud83d 漢"):
        ids = published.encode(text)
        assert ids == theirs.encode_ordinary(text) == published.encode_array(text).tolist()
        assert published.decode(ids) == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def test_own_ids_equal_transformers(tokenizer, strange_texts, ids_of_transformers):
    assert tokenizer.encode_batch(strange_texts) == ids_of_transformers(tokenizer, strange_texts)


def test_own_vocabulary_gives_the_same_ids_in_transformers(topics, tmp_path, transformers):
    ours = Tokenizer.train(topics, 1000)
    assert ours.n_vocab == 1000
    ours.save(tmp_path, n_ctx=64)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path, model_max_length=10**9)
    for text in [*topics[:30], "naïve 漢字 🙂  \n\n x", "", " "]:
        assert ours.encode(text) == theirs(text)["input_ids"]
    assert theirs.convert_tokens_to_ids("<|endoftext|>") == ours.end_of_text == theirs.eos_token_id


def test_a_longer_vocabulary_makes_fewer_tokens(topics):
    counts = [len(Tokenizer.train(topics, n).encode(topics[3])) for n in (257, 400, 1000)]
    assert counts[0] == len(topics[3].encode())
    assert counts[0] > counts[1] > counts[2]


@settings(max_examples=200, deadline=None)
@given(text=st.text())
def test_any_text_comes_back(text, tokenizer):
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode_bytes(ids) == text.encode()
    assert tokenizer.end_of_text not in ids


def test_the_letters_of_a_special_token_are_text(tokenizer):
    ids = tokenizer.encode("a<|endoftext|>b")
    assert tokenizer.end_of_text not in ids
    assert tokenizer.decode(ids) == "a<|endoftext|>b"


def test_a_special_token_is_one_where_it_is_allowed(tokenizer):
    text, end = "a<|endoftext|>b", tokenizer.end_of_text
    assert tokenizer.encode(text, allowed_special={"<|endoftext|>"}).count(end) == 1
    assert tokenizer.encode_array(text, allowed_special={"<|endoftext|>"}).tolist().count(end) == 1
    with pytest.raises(ValueError, match=r"allowed_special: wanted .*got \['<|x|>'\]"):
        tokenizer.encode(text, allowed_special={"<|x|>"})


def test_own_pattern_and_special_tokens_survive_and_give_the_same_ids_in_transformers(
    own, topics, tmp_path, transformers
):
    assert own.n_vocab == 400
    assert own.special_ids == {"<|endoftext|>": 397, "<|user|>": 398, "<|model|>": 399}
    own.save(tmp_path, n_ctx=64)
    back = Tokenizer.load(tmp_path)
    assert (back.ranks, back.pattern, back.special, back.fingerprint) == (
        own.ranks,
        own.pattern,
        own.special,
        own.fingerprint,
    )
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path, model_max_length=10**9)
    for text in [*topics[:10], "1234567 a\nb \n\n x", "naïve 漢字 🙂  \n\n x", ""]:
        assert own.encode(text) == back.encode(text) == theirs(text)["input_ids"]
    text = "<|user|>hello<|model|>12345<|endoftext|>"
    ids = own.encode(text, allowed_special=own.special_ids)
    assert ids == theirs(text)["input_ids"]
    assert {397, 398, 399} <= set(ids)
    assert own.decode(ids) == text
    assert not {397, 398, 399} & set(own.encode(text))
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        (tmp_path / name).unlink()
    assert Tokenizer.load(tmp_path).fingerprint == own.fingerprint


def test_merges_never_cross_the_pieces_of_the_own_pattern(own):
    assert max(len(token) for token in own.ranks if token.isdigit()) <= 3
    assert len(own.encode("1234567")) >= 3
    assert len(Tokenizer.train(["1234567 " * 9], 300, pattern=r"\S+|\s+").encode("1234567")) == 1


def test_fingerprints_tell_patterns_and_special_tokens_apart(tokenizer, own):
    others = [Tokenizer(tokenizer.ranks, pattern=own.pattern), Tokenizer(tokenizer.ranks, special=["<|user|>"])]
    assert len({other.fingerprint for other in [tokenizer, *others]}) == 3


def test_progress_counts_every_character(topics):
    seen = []
    with_progress = Tokenizer.train(iter(topics[:20]), 400, progress=seen.append)
    assert sum(seen) == sum(map(len, topics[:20]))
    assert with_progress.ranks == Tokenizer.train(topics[:20], 400).ranks


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"pattern": "(a"}, r"pattern: wanted a regular expression, got '\(a'.*correct it"),
        ({"special": ["<|endoftext|>"]}, "special: wanted names .* choose other names"),
        ({"special": ["<|a", "<|a|>"]}, r"got '<\|a' and '<\|a\|>'"),
        ({"special": [""]}, "got ''"),
        ({"special": ["<|a|>"], "n_vocab": 257}, "at least 258"),
    ],
)
def test_wrong_patterns_and_special_tokens_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        Tokenizer.train(["abc"], **{"n_vocab": 300} | given)


def test_batches_equal_single_texts(tokenizer, topics):
    assert tokenizer.encode_batch(topics[:5]) == [tokenizer.encode(text) for text in topics[:5]]


def test_half_a_character_is_replaced_not_lost(tokenizer):
    ids = tokenizer.encode("漢")
    assert tokenizer.decode(ids[:-1]).count("\ufffd") >= 1
    assert tokenizer.decode_bytes(ids[:-1]) == "漢".encode()[:-1] or len(ids) == 1


def test_impossible_vocabularies_are_refused(tokenizer):
    with pytest.raises(ValueError, match="at least 257"):
        Tokenizer.train(["abc"], 256)
    with pytest.raises(ValueError, match="wanted all 256 single bytes"):
        Tokenizer({b"a": 0})
    with pytest.raises(ValueError, match="without gaps"):
        Tokenizer({bytes([b]): 2 * b for b in range(256)})
    with pytest.raises(ValueError, match=r"0\.\.\d+, got 999999"):
        tokenizer.decode_bytes([3, 999_999])


def test_ids_beyond_the_vocabulary_stand_for_nothing(tokenizer):
    ids = tokenizer.encode("the cat")
    spare = [tokenizer.n_vocab, 50_303, 2**40]
    assert tokenizer.decode([spare[0], *ids, *spare]) == "the cat"
    assert tokenizer.decode_bytes(spare) == b""
    assert tokenizer.offsets([*spare, ids[0]])[-1] == (0, len(tokenizer.decode_bytes(ids[:1])))
    with pytest.raises(ValueError, match="wanted values from 0 on, got -1"):
        tokenizer.decode([-1])
