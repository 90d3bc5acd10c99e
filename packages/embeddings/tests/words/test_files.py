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


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("header", ["", "2 2"])
def test_a_byte_order_mark_and_other_line_ends_are_no_part_of_a_word(tmp_path, header, end):
    path = tmp_path / "vectors.txt"
    path.write_bytes(("\ufeff" + end.join([*filter(None, [header]), "the 0.5 1", "\ufeffcat 2 3"]) + end).encode())
    assert read_vectors(path).words == ("the", "\ufeffcat")


@pytest.mark.parametrize("word", ["a\u2028b", "a\x85b", "a\x0bb", "a\x1eb", "\xa0", "\u3000a", "a\rb"])
def test_words_with_odd_characters_come_back(tmp_path, word):
    path = tmp_path / "vectors.txt"
    write_vectors(path, WordVectors((word, "b"), torch.ones(2, 3)))
    assert read_vectors(path).words == (word, "b")
    if len(word.encode().split()) == 1:  # without a first line, the first word tells the width
        path.write_bytes(f"{word} 1 2\nb 3 4\n".encode())
        assert read_vectors(path).words == (word, "b")


@pytest.mark.parametrize("word", ["", " a", "a\t", "a\nb", "\r", "a\r", "\ud800"])
def test_words_that_would_not_come_back_are_not_written(tmp_path, word):
    with pytest.raises(ValueError, match="wanted words that stand on one line, got"):
        write_vectors(tmp_path / "vectors.txt", WordVectors((word, "b"), torch.ones(2, 3)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1e300 2\n", "a number that is not finite, for 'a', in .*line 1"),
        ("a 1 2\nb -1e39 2\n", "a number that is not finite, for 'b', in .*line 2"),
        ("a inf 2\n", "a number that is not finite, for 'a', in .*line 1"),
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
