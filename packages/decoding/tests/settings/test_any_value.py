"""Whatever a setting is given, it generates or says what is wrong: no other error, and no number that is none."""

import contextlib
import math
from dataclasses import fields

import pytest
import torch
from hypothesis import HealthCheck, given, settings as trials, strategies as st

from decoding import GenerationSettings, beam_search, generate_ids
from decoding.settings.values import with_changes

NAMES = [field.name for field in fields(GenerationSettings)]
NUMBERS = st.sampled_from([0, 1, 2, 3, 0.5, 1.0, -1, 1e-5, 0.9, 4, 1e30, -1e30, 1e-30, 1000, -1000, 2**31 - 1])
WILD = st.sampled_from(
    [1e300, -1e300, 5e-324, math.nan, math.inf, -math.inf, 10**400, -(10**400), True, None, "x", "", b"x", [], {}, (),
     ["x"], [["x"]], [1], [[1]], [[1, 2], [3]], ((1,), 2.0), [[[1], 1e300]], [[[1], 2.5]], [[[99], 1.0]], [[1.5]],
     [None], object(), 1j, "never", "stop", "drop_oldest_half", "llama.cpp", 0.0],
)  # fmt: skip
VALUES = st.dictionaries(st.sampled_from(NAMES), NUMBERS | WILD, max_size=4)


def unchecked(values):
    """Settings whose own check alone sees the values: here the annotations are enforced, too."""
    settings = GenerationSettings(max_new_tokens=4)
    for name, value in values.items():
        object.__setattr__(settings, name, value)
    settings.__post_init__()
    return settings


@pytest.fixture(scope="module")
def table(models):
    return models.Table(torch.randn(23, 23, generator=torch.Generator().manual_seed(0)) * 3, n_ctx=12)


@trials(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(VALUES, st.lists(st.lists(st.integers(0, 22), min_size=1, max_size=5), min_size=1, max_size=2))
def test_any_settings_generate_or_say_what_is_wrong(table, values, prompts):
    with contextlib.suppress(ValueError, TypeError):
        settings = unchecked(values)
        if settings.penalty_alpha or settings.beams > 64:  # another model; time
            return
        try:
            rows = generate_ids(table, prompts, settings, end_of_text=7, decode_bytes=bytes)
        except TypeError as error:
            raise AssertionError("settings that were taken are of the wrong type") from error
        assert all(0 <= token < 23 for row in rows for token in row.ids)


@pytest.mark.parametrize(
    "values",
    [{"frequency_penalty": 1e300}, {"temperature": 1e-300}, {"presence_penalty": -1e31}, {"top_n_sigma": 10**400},
     {"repetition_penalty": 5e-324}, {"logit_bias": [[[1], 1e300]]}, {"beams": 10**9}, {"max_new_tokens": 2**31}],
    ids=str,
)  # fmt: skip
def test_numbers_beyond_what_logits_hold_are_refused_by_name(values):
    with pytest.raises(ValueError, match=f"^{next(iter(values))} must be"):
        unchecked(values)


@pytest.mark.parametrize(
    "values", [{"stop": [1]}, {"banned": [1]}, {"forced_words": 7}, {"forced_prefix": ["a"]}, {"logit_bias": {1: 2}},
               {"logit_bias": [[1, 2.0]]}, {"stop_at_end_of_text": "no"}, {"stop": None}, {"logit_bias": [[[1], "x"]]}],
    ids=str,
)  # fmt: skip
def test_values_of_another_kind_are_refused_by_name(values):
    with pytest.raises(TypeError, match=f"^{next(iter(values))} must be"):
        unchecked(values)


def test_lists_are_taken_as_tuples():
    settings = unchecked({"stop": ["x"], "banned": [[1, 2]], "logit_bias": [[[3], 1.5]], "forced_prefix": [4]})
    assert (settings.stop, settings.banned, settings.logit_bias, settings.forced_prefix) == (
        ("x",), ((1, 2),), (((3,), 1.5),), (4,)
    )  # fmt: skip
    assert hash(settings)


@pytest.mark.parametrize("penalty", [1000.0, -1000.0, 1e30, 300.0])
def test_a_length_penalty_may_be_of_any_size(table, penalty):
    settings = GenerationSettings(max_new_tokens=9, temperature=0, beams=4, length_penalty=penalty, n_best=4)
    row = generate_ids(table, [[1]], settings, end_of_text=7)[0]
    assert all(math.isfinite(one.score) for one in (row, *row.others))
    assert beam_search(table, [[1]], settings, end_of_text=7)[0][0].finished


def test_keywords_are_settings_and_a_slip_names_the_nearest():
    assert with_changes(None, {"temperature": 0.7}) == GenerationSettings(temperature=0.7)
    assert with_changes(GenerationSettings(top_k=5), {"seed": 3}) == GenerationSettings(top_k=5, seed=3)
    with pytest.raises(TypeError, match=r"wanted a setting .*, got temprature=…; did you mean temperature\?"):
        with_changes(None, {"temprature": 0.7})
