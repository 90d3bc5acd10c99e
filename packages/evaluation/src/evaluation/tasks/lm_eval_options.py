"""The options that lm-eval's tasks give for generation, with the meaning that its `hf` back end gives them."""

from collections.abc import Mapping
from typing import Any

from decoding import GenerationSettings

LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""Names of the largest number of new tokens; of several the first in this order counts."""
DRAWING = ("top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
"""Without sampling these change nothing."""
BEAMS = ("length_penalty", "early_stopping")
"""Without beams these change nothing."""
ALWAYS = ("repetition_penalty", "no_repeat_ngram_size", "min_new_tokens")
KNOWN = {"until", "do_sample", "temperature", "num_beams", *LIMITS, *DRAWING, *BEAMS, *ALWAYS}
TOP_K = 50
"""What transformers takes where a task samples and names none."""


def settings_of(options: Mapping[str, Any], max_new_tokens: int) -> GenerationSettings:
    """The options as settings. max_new_tokens: where a task names no number.

    Greedy unless `do_sample` is true, or missing beside a `temperature` above 0. Raises ValueError, which names them,
    for options that mean nothing here and for values that make no sense, such as `do_sample` without a temperature,
    which `hf` refuses too.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if unknown := sorted(set(given) - KNOWN):
        raise ValueError(f"wanted generation options among {sorted(KNOWN)}, got {unknown}; remove them")
    limit = next((given[name] for name in LIMITS if name in given), max_new_tokens)
    values: dict[str, Any] = {"max_new_tokens": _number(limit, int, "max_gen_toks"), "stop": _until(given)}
    beams = _number(given.get("num_beams", 1), int, "num_beams")
    draws, temperature = _sampling(given)
    values |= {"beams": beams, "temperature": temperature, "top_k": TOP_K if draws else 0}
    kept = (*ALWAYS, *(DRAWING if draws else ()), *(BEAMS if beams > 1 else ()))
    values |= {name: given[name] for name in kept if name in given}
    try:
        return GenerationSettings(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"wanted generation options that make sense, got {dict(options)}: {error}") from None


def _sampling(given: Mapping[str, Any]) -> tuple[bool, float]:
    """Whether tokens are drawn, and at which temperature."""
    draws, temperature = given.get("do_sample"), _number(given.get("temperature", 0.0), float, "temperature")
    if not isinstance(draws, bool | None):
        raise ValueError(f"do_sample: wanted true or false, got {draws!r}; leave it out for the likeliest tokens")
    if draws and not temperature > 0:
        raise ValueError(
            f"do_sample: wanted a temperature above 0 beside it, got {temperature}; give one, or leave do_sample out"
        )
    draws = temperature > 0 if draws is None else draws
    return draws, temperature if draws else 0.0


def _until(given: Mapping[str, Any]) -> tuple[str, ...]:
    until = given.get("until", [])
    words = [until] if isinstance(until, str) else until
    if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) and word for word in words):
        raise ValueError(
            f"until: wanted a text or a list of texts, none of them empty, got {until!r}; correct the task"
        )
    return tuple(words)


def _number(value: Any, kind: type[int] | type[float], name: str) -> Any:
    try:
        if isinstance(value, bool):
            raise TypeError
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name}: wanted a number, got {value!r}; correct the task") from None
