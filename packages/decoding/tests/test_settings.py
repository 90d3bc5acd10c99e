"""Settings that make no sense are refused with what was wanted, what came and what to do."""

import dataclasses
import re
import subprocess
import sys

import pytest

from decoding import GenerationSettings


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"max_new_tokens": 0}, "1 or more, got 0; ask"),
        ({"max_new_tokens": -3}, "1 or more, got -3; ask"),
        ({"temperature": -0.1}, r"0 \(greedy\) or more, got -0.1; use"),
        ({"temperature": float("nan")}, "finite number, got nan; pass"),
        ({"temperature": float("inf")}, "finite number, got inf; pass"),
        ({"top_k": -1}, r"0 \(off\) or more, got -1; use"),
        ({"top_p": 0.0}, r"above 0 and at most 1 \(off\), got 0.0; 0.9"),
        ({"top_p": 1.5}, r"above 0 and at most 1 \(off\), got 1.5; 0.9"),
        ({"temperature": 0.0, "top_k": 5}, r"greedy.*got top_k=5, which.*; set a temperature"),
        ({"temperature": 0.0, "top_p": 0.9}, r"greedy.*got top_p=0.9, which.*; set a temperature"),
    ],
)
def test_values_out_of_range_or_in_contradiction_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        GenerationSettings(**values)


@pytest.mark.parametrize(
    ("field", "value"), [("max_new_tokens", 1.5), ("top_k", True), ("seed", "x"), ("temperature", "hot")]
)
def test_values_of_another_type_are_refused(field, value):
    # In a process of its own, because here the annotations themselves are enforced, before our own words are reached.
    program = f"import decoding, sys; decoding.GenerationSettings({field}={value!r})"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert re.search(rf"TypeError: {field} must be an? .*, got {value!r} \(.*\); pass", result.stderr)


def test_whole_numbers_serve_as_numbers():
    assert GenerationSettings(temperature=0, top_p=1) == GenerationSettings(temperature=0.0, top_p=1.0)


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        GenerationSettings().seed = 1
