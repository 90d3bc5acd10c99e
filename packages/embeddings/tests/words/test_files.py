import re

import numpy as np
import pytest
import torch

from embeddings import (
    WordVectors,
    read_vectors,
    write_vectors,
)


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
    assert re.match("wanted .*, got .*; .", str(refused.value))


def test_a_line_that_is_no_utf8_is_refused(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_bytes(b"a 1\n\xff\xfe 2\n")
    with pytest.raises(ValueError, match=r"utf-8.*line 2"):
        read_vectors(path)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: write_vectors("never", WordVectors(("a\nb",), torch.ones(1, 1))), "words that stand on one line, got"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(call, message, refused):
    refused(call, message)
