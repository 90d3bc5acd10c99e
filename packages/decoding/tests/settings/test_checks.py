"""Settings that make no sense are refused with what was wanted, what came and what to do."""

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


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"min_new_tokens": 200}, "at most max_new_tokens"),
        ({"min_p": 1.2}, "from 0"),
        ({"typical_p": 0.0}, "above 0 and at most 1"),
        ({"epsilon_cutoff": 1.0}, "to below 1"),
        ({"eta_cutoff": -0.1}, "to below 1"),
        ({"repetition_penalty": 0.0}, "above 0, got 0.0"),
        ({"no_repeat_ngram_size": -1}, "0 .off. or more"),
        ({"dry_base": 0.5}, "1 or more, got 0.5"),
        ({"frequency_penalty": float("inf")}, "finite"),
        ({"stop": ("a", "")}, "at least one character"),
        ({"banned": ((),)}, "at least one id"),
        ({"logit_bias": (((1,), float("nan")),)}, "numbers or -inf"),
        ({"beams": 2, "n_best": 3}, "at most the number of beams, 2"),
        ({"beams": 3, "beam_groups": 2, "diversity_penalty": 1.0, "temperature": 0}, "a divisor of the 3 beams"),
        ({"beams": 4, "beam_groups": 2, "temperature": 0}, "above 0 with beam_groups"),
        (
            {"beam_groups": 2},
            "beams must be a multiple of 2 and diversity_penalty must be above 0 and temperature must be 0 with "
            "beam_groups, got beams=1 and diversity_penalty=0.0 and temperature=1.0; set beams=4 and diversity_penalty="
            "0.5 and temperature=0$",
        ),
        (
            {"penalty_alpha": 0.6},
            "temperature must be 0 and top_k must be 2 or more with penalty_alpha, got temperature=1.0 and top_k=0; "
            "set temperature=0 and top_k=4$",
        ),
        ({"length_penalty": 2.0}, "beams must be 2 or more with length_penalty, got 1; 4 is usual"),
        ({"early_stopping": "never", "patience": 2.0}, "2 or more with early_stopping and patience, got 1"),
        ({"early_stopping": True}, "2 or more with early_stopping, got 1"),
        ({"diversity_penalty": 1.0}, "0 without beam_groups"),
        ({"early_stopping": "maybe"}, "one of .True, False, 'never'."),
        ({"beams": 2, "penalty_alpha": 0.5, "temperature": 0, "top_k": 4}, "used one at a time"),
        ({"penalty_alpha": 0.5, "temperature": 0}, "2 or more with penalty_alpha"),
        ({"penalty_alpha": 0.5, "temperature": 0, "top_k": 4, "stop": ("a",)}, "left out with penalty_alpha"),
        ({"beams": 2, "when_full": "drop_oldest_half"}, "'stop' with"),
        ({"beams": 2, "log_probabilities": 2}, "left out with"),
        ({"log_probabilities": -1}, "0 or more"),
        ({"patience": 0.0}, "above 0"),
        ({"order": "mine"}, "one of"),
    ],
)
def test_more_values_that_make_no_sense_are_refused(values, words):
    # In the words of the package, not of the enforced annotations: the check is called by itself.
    settings = GenerationSettings()
    for name, value in values.items():
        object.__setattr__(settings, name, value)
    with pytest.raises(ValueError, match=words):
        settings.__post_init__()
