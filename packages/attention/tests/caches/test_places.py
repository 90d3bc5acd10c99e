"""Rows of a cache that come and go: each is what a cache of its own would be, and none is moved for another."""

import pytest
import torch

from attention import CachePlaces, KeyValueCache, MultiHeadAttention, SlidingKeyValueCache, causal

SIZES = {"n_layer": 1, "n_head": 2, "length": 12, "head_size": 4}


@pytest.fixture
def attention():
    torch.manual_seed(0)
    return MultiHeadAttention(8, 2).eval()


def read(attention, cache, x):
    with torch.inference_mode():
        y = attention(x, cache=cache.layer(0))
        cache.advance(x.shape[1])
    return y


@pytest.mark.parametrize("dtype", [torch.float32, torch.int8])
def test_a_place_is_what_a_cache_of_its_own_would_be(attention, dtype):
    places = CachePlaces(KeyValueCache(batch=4, dtype=dtype, **SIZES))
    texts = torch.randn(4, 9, 8)
    alone = [KeyValueCache(batch=1, dtype=dtype, **SIZES) for _ in texts]
    for first, tokens in ((2, 5), (0, 3), (1, 4)):  # one place at a time, of other lengths
        y = read(attention, places.part(first, 1), texts[first : first + 1, :tokens])
        places.took(first, [tokens])
        assert torch.equal(y, read(attention, alone[first], texts[first : first + 1, :tokens]))
    together = read(attention, places.part(0, 3), texts[:3, 5:6])
    places.took(0, [1, 0, 1])  # that of the middle one was none
    assert places.held == [4, 4, 6, 0]
    for row in (0, 1, 2):
        torch.testing.assert_close(together[row], read(attention, alone[row], texts[row : row + 1, 5:6])[0])
    again = read(attention, places.part(1, 1), texts[1:2, 4:9])  # over what was none
    places.took(1, [5])
    whole = attention(texts[1:2, :9], mask=causal())[:, 4:]
    torch.testing.assert_close(again, whole, atol=1e-6 if dtype == torch.float32 else 0.02, rtol=1e-4)


def test_places_are_taken_and_given_back_without_a_copy(attention):
    places = CachePlaces(KeyValueCache(batch=3, **SIZES))
    read(attention, places.part(0, 3), torch.randn(3, 4, 8))
    places.took(0, [4, 4, 4])
    before = [stored.clone() for stored in places.cache.whole]
    places.cut(1, 0)
    assert all(torch.equal(now, then) for now, then in zip(places.cache.whole, before, strict=True))
    read(attention, places.part(1, 1), torch.randn(1, 2, 8))
    for now, then in zip(places.cache.whole, before, strict=True):
        assert torch.equal(now[[0, 2]], then[[0, 2]])
        assert not torch.equal(now[1, :, :2], then[1, :, :2])
        assert torch.equal(now[1, :, 2:], then[1, :, 2:])


def test_a_copy_goes_on_as_its_source_does(attention):
    places = CachePlaces(KeyValueCache(batch=3, dtype=torch.int8, **SIZES))
    text = torch.randn(1, 6, 8)
    read(attention, places.part(2, 1), text[:, :5])
    places.took(2, [5])
    places.copy(2, 0, 4)
    places.cut(2, 4)
    assert places.held == [4, 0, 4]
    assert torch.equal(*(read(attention, places.part(place, 1), text[:, 5:]) for place in (0, 2)))


def test_what_is_not_there_is_refused():
    places = CachePlaces(KeyValueCache(batch=3, **SIZES))
    for first, count in ((0, 4), (3, 1), (-1, 1), (0, 0)):
        with pytest.raises(ValueError, match="wanted places from 0 to 2, got"):
            places.part(first, count)
    with pytest.raises(ValueError, match="wanted 0 to the 0 tokens that place 1 holds, got 2"):
        places.cut(1, 2)
    with pytest.raises(TypeError, match="wanted a KeyValueCache, got a SlidingKeyValueCache"):
        CachePlaces(SlidingKeyValueCache(1, 3, 2, 4, 4))
