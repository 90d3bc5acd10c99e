"""Vocabularies that grow, vectors given in files, words never seen, and what is near to what."""

import re

import numpy as np
import pytest
import torch

from embeddings import (
    HashedNgrams,
    TokenEmbedding,
    WordVectors,
    grow_vocabulary,
    linear_cka,
    nearest_rows,
    read_vectors,
    table_for,
    write_vectors,
)
from embeddings.words.hashed_ngrams import fnv1a, ngrams

COMPASS = WordVectors(
    ("man", "woman", "king", "queen", "stone"),
    torch.tensor([[0.0, 1, 0.1], [0, 1, 1], [1, 1, 0.1], [1, 1, 1], [-1, 0, 0]]),
)


def test_padding_learns_nothing_as_in_torch():
    ours, theirs = TokenEmbedding(5, 3, padding_id=2), torch.nn.Embedding(5, 3, padding_idx=2)
    theirs.load_state_dict(ours.state_dict())
    for module in (ours, theirs):
        module(torch.tensor([[2, 4, 4]])).sum().backward()
    assert not ours.weight[2].any()
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


def test_scale_multiplies_the_lookup_and_not_the_tied_head():
    embedding = TokenEmbedding(6, 4, scale=2.0, dtype=torch.float64)
    ids = torch.tensor([[3, 5]])
    assert torch.equal(embedding(ids), 2 * embedding.weight[ids])
    torch.testing.assert_close(embedding.logits(embedding(ids)), embedding(ids) @ embedding.weight.T)


def test_a_grown_vocabulary_keeps_what_was_learned_and_starts_the_rest_at_its_mean():
    old = TokenEmbedding(200, 4, padding_id=0, scale=3.0)
    with torch.no_grad():
        old.weight[1:] += 5
    new = grow_vocabulary(old, 203, generator=torch.Generator().manual_seed(1))
    assert torch.equal(new.weight[:200], old.weight)
    assert (new.padding_id, new.scale, new.n_vocab) == (0, 3.0, 203)
    assert (new.weight[200:] - old.weight[1:].mean(0)).abs().max() < 0.01
    assert not torch.equal(new.weight[200], new.weight[201])
    assert torch.equal(new.weight, grow_vocabulary(old, 203, generator=torch.Generator().manual_seed(1)).weight)


@pytest.mark.parametrize("header", ["", "3 2\n"], ids=["glove", "word2vec"])
def test_published_forms_are_read(tmp_path, header):
    path = tmp_path / "vectors.txt"
    path.write_text(header + "the 0.5 -1e-3\nnew york 2 3\n\u00e9t\u00e9 1 4\n", "utf-8")
    given = read_vectors(path)
    assert given.words == ("the", "new york", "\u00e9t\u00e9")
    np.testing.assert_array_equal(given.vectors.numpy(), np.float32([[0.5, -1e-3], [2, 3], [1, 4]]))
    assert read_vectors(path, only={"the"}).words == ("the",)


def test_written_vectors_come_back_bit_for_bit(tmp_path):
    given = WordVectors(("a", "b c"), torch.randn(2, 5))
    write_vectors(tmp_path / "v.txt", given)
    back = read_vectors(tmp_path / "v.txt")
    assert back.words == given.words
    assert torch.equal(back.vectors, given.vectors)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1 2\nb 1\n", "line 2; mend"),
        ("a 1 2\n\nb 1 2\n", "got 0 numbers, in .*line 2"),
        ("a 1 2\nb 1 x\n", "could not convert.*line 2"),
        ("a 1 nan\n", "not finite, for 'a', in .*line 1"),
        ("a 1 2\nb 3 4\na 1 2\n", "'a' a second time, after line 1, in .*line 3"),
        ("3 2\na 1 2\n", "a promise of 3 vectors, and 1 lines"),
        ("", "wanted at least one word vector"),
        ("word\n", "got 0 numbers, in .*line 1"),
    ],
)
def test_a_malformed_file_is_refused_by_line(tmp_path, text, message):
    path = tmp_path / "vectors.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as refused:
        read_vectors(path)
    assert re.match("wanted .*; got .*; .", str(refused.value))


def test_a_line_that_is_no_utf8_is_refused(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_bytes(b"a 1\n\xff\xfe 2\n")
    with pytest.raises(ValueError, match=r"utf-8.*line 2"):
        read_vectors(path)


def test_a_table_for_a_vocabulary_says_what_was_missing():
    filled = table_for(["queen", "unicorn", "man"], COMPASS)
    assert filled.missing == ("unicorn",)
    assert filled.coverage == pytest.approx(2 / 3)
    assert torch.equal(filled.table[0], COMPASS["queen"])
    assert torch.equal(filled.table[1], COMPASS.vectors.mean(0))


def test_king_minus_man_plus_woman_is_queen():
    assert COMPASS.analogy("man", "king", "woman", k=1)[0][0] == "queen"
    assert [word for word, _ in COMPASS.nearest("king", 2)] == ["queen", "man"]


def test_hashes_are_the_published_ones():  # test vectors of draft-eastlake-fnv
    assert [fnv1a(text) for text in (b"", b"a", b"foobar")] == [0x811C9DC5, 0xE40C292C, 0xBF9CF968]


def test_words_share_what_they_share_in_spelling():
    assert ngrams("where", 3, 3) == ["<where>", "<wh", "whe", "her", "ere", "re>"]  # Bojanowski et al., section 3.2
    module = HashedNgrams(100_000, 32)
    first, second, other = torch.nn.functional.normalize(module(["encoder", "encoders", "zymurgy"]), dim=-1)
    assert first @ second > 0.5 > abs(first @ other)
    assert torch.equal(module(["encoders", "encoder"])[1], module(["encoder"])[0])


def test_neighbours_are_those_of_a_brute_force_search():
    vectors, queries = torch.randn(50, 7), torch.randn(9, 7)
    expected = torch.nn.functional.cosine_similarity(queries[:, None], vectors[None], dim=-1).topk(4)
    rows, similarities = nearest_rows(queries, vectors, 4, block_bytes=600)
    assert torch.equal(rows, expected.indices)
    torch.testing.assert_close(similarities, expected.values)


def test_rows_that_do_not_count_are_left_out():
    vectors = torch.randn(30, 5)
    itself = torch.arange(30)[:, None]
    rows, _ = nearest_rows(vectors, vectors, 29, without=itself, block_bytes=900)
    assert not (rows == itself).any()
    assert [sorted(row) for row in rows.tolist()] == [sorted(set(range(30)) - {i}) for i in range(30)]


def test_alikeness_is_that_of_centred_kernels():
    x, y = torch.randn(40, 6).numpy().astype(float), torch.randn(40, 3).numpy().astype(float)
    center = np.eye(40) - 1 / 40
    k, m = center @ x @ x.T @ center, center @ y @ y.T @ center  # Kornblith et al. 2019, equations 1 and 3
    expected = (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())
    assert linear_cka(torch.tensor(x), torch.tensor(y)) == pytest.approx(expected)


def test_rotation_scale_and_shift_change_no_alikeness():
    x = torch.randn(30, 5)
    rotation, _ = torch.linalg.qr(torch.randn(5, 5))
    assert linear_cka(x, 3 * x @ rotation + 7) == pytest.approx(1.0, abs=1e-5)
    assert linear_cka(x, torch.randn(30, 5)) < 0.6


BAD = [
    (lambda: TokenEmbedding(4, 2, padding_id=4), "padding_id from 0 to 3; got 4; pass"),
    (lambda: grow_vocabulary(TokenEmbedding(4, 2), 3), "n_vocab of at least 4; got 3; a vocabulary grows"),
    (lambda: COMPASS["unicorn"], "one of the 5 words that have a vector; got 'unicorn'; check"),
    (lambda: WordVectors(("a", "a"), torch.ones(2, 1)), "every word once; got 'a' twice; keep"),
    (lambda: WordVectors(("a",), torch.ones(2, 1)), r"got 1 words and vectors of shape \[2, 1\]; pass"),
    (lambda: table_for([], COMPASS), "at least one word; got none; pass"),
    (lambda: HashedNgrams(0, 2), "n_buckets and n_embd of at least 1"),
    (lambda: HashedNgrams(5, 2)(["a", ""]), r"got \['a', ''\]; leave"),
    (lambda: COMPASS.nearest("king", 5), "k from 1 to 4, the vectors that count; got 5; ask"),
    (lambda: nearest_rows(torch.ones(1, 2), torch.tensor([[1.0, 2], [1, torch.nan]]), 1), "finite vectors; .* row 1;"),
    (lambda: linear_cka(torch.ones(2, 2), torch.ones(3, 2)), r"got shapes \[2, 2\] and \[3, 2\]; keep"),
    (lambda: linear_cka(torch.ones(1, 2), torch.ones(1, 2)), "at least two"),
    (lambda: linear_cka(torch.ones(3, 2), torch.randn(3, 2)), "wanted rows that differ"),
    (lambda: linear_cka(torch.full((3, 2), torch.inf), torch.ones(3, 2)), "wanted finite first"),
    (lambda: write_vectors("never", WordVectors(("a\nb",), torch.ones(1, 1))), "words that stand on one line; got"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_refused_with_what_to_do(unchecked, call, message):
    with pytest.raises(ValueError, match=message) as refused:
        call()
    assert re.match("wanted .*; got .*; .", str(refused.value))
