"""Stop strings, found in text that comes in pieces, against a search in the whole text."""

import random

import pytest

from decoding.settings.stop_strings import StopStrings

PIECES = [b"a", b"b", b"ab", b"ba", b"aab", b"\xc3", b"\xa9", b"c", b"abcab"]


def may_become(text: bytes, stops: list[str]) -> int:
    """Length without the longest end that a stop string begins with."""
    ends = [size for size in range(len(text) + 1) for stop in stops if stop.encode()[:-1].startswith(text[-size:])]
    return len(text) - max((size for size in ends if size), default=0)


@pytest.mark.parametrize("seed", range(40))
def test_a_stop_string_is_found_however_the_text_is_cut(seed):
    chance = random.Random(seed)
    stops = ["".join(chance.choices("abcé", k=chance.randint(1, 5))) for _ in range(chance.randint(1, 3))]
    watch, text = StopStrings(stops, lambda ids: b"".join(PIECES[one] for one in ids)), b""
    for _ in range(60):
        token = chance.randrange(len(PIECES))
        text += PIECES[token]
        places = [text.find(stop.encode()) for stop in stops if stop.encode() in text]
        assert watch.came(token) == bool(places)
        assert watch.end == min(places, default=None)
        if places:
            assert watch.safe() == watch.end
            return
        assert watch.safe() == may_become(text, stops)
