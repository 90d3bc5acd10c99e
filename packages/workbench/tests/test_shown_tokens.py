"""A shown token says what it is: no two look alike, and nothing moves the cursor."""

import pytest
from hypothesis import given, strategies as st

from workbench import drawable, legend, shown_token


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xe4\xb8", r"\xe4\xb8"),
        ("é\n".encode(), r"é\n"),
        (b" a\xff", r"·a\xff"),
        (b"\\", "\\"),
        (b"   ", "···"),
        (b"\n" + b" " * 8, r"\n·x8"),
        ("·".encode(), r"\u00b7"),
        ("\u200b", r"\u200b"),
        (" the", "·the"),
    ],
)
def test_a_token_is_shown_by_its_characters_or_its_bytes(data, words):
    assert shown_token(data) == words


@pytest.mark.parametrize(
    ("token", "space", "words"),
    [
        (" New York", "␣", "␣New␣York"),
        ("     ", "␣", "␣␣␣␣␣"),
        ("␣\t", "␣", r"\u2423\t"),
        ("·", "␣", "·"),
        (b"     a\x1b\xff", " ", r"     a\x1b\xff"),
    ],
)
def test_another_sign_for_a_space(token, space, words):
    assert shown_token(token, space) == words


@given(st.text())
def test_whatever_it_is_it_is_one_printable_line(text):
    assert shown_token(text).isprintable()
    assert " " not in shown_token(text)


def test_the_legend_explains_the_signs_that_occur():
    assert legend(["a", "b"]) == []
    assert legend(["·a"]) == ["·: a space, ·x8: eight of them"]
    assert legend([r"\xe4", "·a"])[1] == r"\xe4: the byte e4, a part of a character that takes several tokens"


def test_a_picture_draws_what_its_font_has():
    assert drawable("aé世$\0\x7f\ud800") == r"aé\u4e16\$\x00\x7f\ud800"
