import pytest
import torch

from embeddings import (
    HashedNgrams,
)
from embeddings.words.hashed_ngrams import fnv1a, ngrams


def test_hashes_are_the_published_ones():  # test vectors of draft-eastlake-fnv
    assert [fnv1a(text) for text in (b"", b"a", b"foobar")] == [0x811C9DC5, 0xE40C292C, 0xBF9CF968]


def test_words_share_what_they_share_in_spelling():
    assert ngrams("where", 3, 3) == ["<where>", "<wh", "whe", "her", "ere", "re>"]  # Bojanowski et al., section 3.2
    module = HashedNgrams(100_000, 32)
    first, second, other = torch.nn.functional.normalize(module(["encoder", "encoders", "zymurgy"]), dim=-1)
    assert first @ second > 0.5 > abs(first @ other)
    assert torch.equal(module(["encoders", "encoder"])[1], module(["encoder"])[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: HashedNgrams(0, 2), "n_buckets and n_embd of at least 1"),
        (lambda: HashedNgrams(5, 2)(["a", ""]), r"got \['a', ''\]; leave"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(call, message, refused):
    refused(call, message)
