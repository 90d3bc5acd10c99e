"""Settings are one frozen value."""

import dataclasses

import pytest

from decoding import GenerationSettings


def test_whole_numbers_serve_as_numbers():
    assert GenerationSettings(temperature=0, top_p=1) == GenerationSettings(temperature=0.0, top_p=1.0)


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        GenerationSettings().seed = 1
