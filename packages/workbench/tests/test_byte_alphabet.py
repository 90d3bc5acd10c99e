"""Each byte has one printable character, as in OpenAI's vocabulary files."""

import pytest
from hypothesis import given, strategies as st

from workbench import BYTE_OF_CHARACTER, CHARACTER_OF_BYTE, spell, unspell


def test_the_published_spellings():
    assert spell(b" the") == "Ġthe"
    assert spell(b"\n") == "Ċ"
    assert spell("é".encode()) == "Ã©"


def test_one_printable_character_a_byte():
    assert sorted(CHARACTER_OF_BYTE) == list(range(256))
    assert len(BYTE_OF_CHARACTER) == 256
    assert all(character.isprintable() and not character.isspace() for character in BYTE_OF_CHARACTER)


@given(st.binary())
def test_there_and_back(token):
    assert unspell(spell(token)) == token


def test_what_is_no_spelling():
    with pytest.raises(KeyError):
        unspell("a b")
