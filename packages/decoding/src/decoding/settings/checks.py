"""What settings may be: one table of ranges, and the pairs that contradict each other."""

import math
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

INTEGERS = {  # name: (smallest, what the smallest is called, what to do)
    "max_new_tokens": (1, "1 or more", "ask for at least one token"),
    "min_new_tokens": (0, "0 (off) or more", "use 0 to let a row end at once"),
    "top_k": (0, "0 (off) or more", "use 0 to draw among all tokens"),
    "dry_allowed_length": (1, "1 or more", "2 is usual"),
    "no_repeat_ngram_size": (0, "0 (off) or more", "use 0 to allow repetition, 3 to ban repeated triples"),
    "beams": (1, "1 (off) or more", "use 1 for no beam search, 4 is usual"),
    "beam_groups": (1, "1 (off) or more", "use 1 for plain beam search"),
    "n_best": (1, "1 or more", "ask for at least one hypothesis"),
    "prompt_lookup_tokens": (0, "0 (off) or more", "use 0 for plain decoding, 10 is usual"),
}
NUMBERS = {  # name: (range in words, test, what to do)
    "temperature": (
        "0 (greedy) or more",
        lambda x: x >= 0,
        "use 0 for the likeliest token, 1 for the model's own distribution",
    ),
    "top_p": ("above 0 and at most 1 (off)", lambda x: 0 < x <= 1, "0.9 is a usual value"),
    "typical_p": ("above 0 and at most 1 (off)", lambda x: 0 < x <= 1, "0.9 is a usual value"),
    "min_p": ("from 0 (off) to 1", lambda x: 0 <= x <= 1, "0.05 is a usual value"),
    "epsilon_cutoff": ("from 0 (off) to below 1", lambda x: 0 <= x < 1, "3e-4 is a usual value"),
    "eta_cutoff": ("from 0 (off) to below 1", lambda x: 0 <= x < 1, "3e-4 is a usual value"),
    "top_n_sigma": ("0 (off) or more", lambda x: x >= 0, "1 is a usual value"),
    "xtc_probability": ("from 0 (off) to 1", lambda x: 0 <= x <= 1, "0.5 is a usual value"),
    "xtc_threshold": ("from 0 to 1", lambda x: 0 <= x <= 1, "0.1 is a usual value"),
    "repetition_penalty": ("above 0", lambda x: x > 0, "1 is off, 1.2 is usual"),
    "frequency_penalty": ("an ordinary number", lambda x: True, "0 is off"),
    "presence_penalty": ("an ordinary number", lambda x: True, "0 is off"),
    "dry_multiplier": ("0 (off) or more", lambda x: x >= 0, "0.8 is a usual value"),
    "dry_base": ("1 or more", lambda x: x >= 1, "1.75 is a usual value"),
    "diversity_penalty": ("0 (off) or more", lambda x: x >= 0, "0.5 is a usual value"),
    "length_penalty": ("an ordinary number", lambda x: True, "1 is usual, above 1 favors longer hypotheses"),
    "patience": ("above 0", lambda x: x > 0, "1 waits for as many finished hypotheses as beams"),
    "penalty_alpha": ("from 0 (off) to 1", lambda x: 0 <= x <= 1, "0.6 is a usual value"),
}
CHOICES: dict[str, tuple[object, ...]] = {
    "when_full": ("stop", "drop_oldest_half"),
    "order": ("transformers", "llama.cpp"),
    "early_stopping": (True, False, "never"),
}
SEQUENCES = ("stop", "banned", "forced_prefix", "forced_words", "logit_bias")
MOST = {"beams": 1024}
"""The largest whole numbers; others may be up to LARGEST_INTEGER."""
LARGEST_INTEGER, SMALLEST, LARGEST = 2**31 - 1, 1e-30, 1e30
"""Beyond these, numbers overflow or vanish in the formats of logits."""
BEAMS_ONLY = ("forced_words", "length_penalty", "early_stopping", "patience")
TRUNCATIONS = ("top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "top_n_sigma", "xtc_probability")


def checked(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, float]:
    """The numbers among the values of all settings, as floats. TypeError for a value of another type, ValueError for
    one out of range or against another one; `defaults` tells which were set."""
    for name, (smallest, words, advice) in INTEGERS.items():
        value = _integer(name, values[name])
        if value < smallest:
            raise ValueError(f"{name} must be {words}, got {value}; {advice}")
        if value > (most := MOST.get(name, LARGEST_INTEGER)):
            raise ValueError(f"{name} must be at most {most}, got {value}; {advice}")
    _integer("seed", values["seed"])
    numbers = {}
    for name, (words, holds, advice) in NUMBERS.items():
        numbers[name] = _finite_number(name, values[name])
        if not holds(numbers[name]):
            raise ValueError(f"{name} must be {words}, got {numbers[name]}; {advice}")
    for name, choices in CHOICES.items():
        if not any(isinstance(values[name], type(choice)) and values[name] == choice for choice in choices):
            raise ValueError(f"{name} must be one of {choices}, got {values[name]!r}; choose one of these")
    log_probabilities = values["log_probabilities"]
    if log_probabilities is not None and _integer("log_probabilities", log_probabilities) < 0:
        raise ValueError(f"log_probabilities must be 0 or more, got {log_probabilities}; leave it out for none")
    if not isinstance(values["stop_at_end_of_text"], bool):
        raise TypeError(
            f"stop_at_end_of_text must be True or False, got {values['stop_at_end_of_text']!r}; pass a bool"
        )
    settings = SimpleNamespace(**{**values, **numbers})
    _check_sequences(settings)
    _check_together(settings, defaults)
    return numbers


def _changed(settings: SimpleNamespace, defaults: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those of the named settings that differ from their defaults."""
    return {name: getattr(settings, name) for name in names if getattr(settings, name) != defaults[name]}


def _check_sequences(settings: SimpleNamespace) -> None:
    if isinstance(settings.stop, str):
        raise TypeError(f"stop must be a tuple of texts, got one text, {settings.stop!r}; write ({settings.stop!r},)")
    _check_kinds(settings)
    if "" in settings.stop:
        raise ValueError("stop must hold texts of at least one character, got ''; leave it out to stop at nothing")
    sequences = {
        "banned": settings.banned,
        "forced_words": settings.forced_words,
        "logit_bias": tuple(ids for ids, _ in settings.logit_bias),
    }
    for name, given in sequences.items():
        if () in given:
            raise ValueError(f"{name} must hold sequences of at least one id, got an empty one; leave it out")
    for ids, bias in settings.logit_bias:
        if isinstance(bias, bool) or not isinstance(bias, (int, float)):
            raise TypeError(f"logit_bias must be numbers or -inf, got {bias!r} for {ids}; pass a float")
        if bias != -math.inf and not -LARGEST <= bias <= LARGEST:
            raise ValueError(f"logit_bias must be numbers or -inf, got {bias:.6g} for {ids}; use -inf to ban a token")


def _check_kinds(settings: SimpleNamespace) -> None:
    """TypeError for what is no tuple of texts, of ids, or of sequences of ids."""
    s = settings
    kinds = (
        ("stop", "a tuple of texts", ("\\n",), _are(s.stop, str)),
        ("forced_prefix", "a tuple of ids", (5, 7), _are(s.forced_prefix, int)),
        *(
            (name, "a tuple of sequences of ids", ((5, 7), (9,)), _are_sequences(getattr(s, name)))
            for name in ("banned", "forced_words")
        ),
        (
            "logit_bias",
            "a tuple of pairs of ids and a number",
            (((5,), 1.5),),
            _are(s.logit_bias, tuple)
            and all(len(pair) == 2 for pair in s.logit_bias)
            and _are_sequences(tuple(ids for ids, _ in s.logit_bias)),
        ),
    )
    for name, words, example, holds in kinds:
        if not holds:
            raise TypeError(f"{name} must be {words}, got {getattr(s, name)!r}; write for example {example}")


def _are(values: object, kind: type) -> bool:
    return isinstance(values, tuple) and all(isinstance(one, kind) and not isinstance(one, bool) for one in values)


def _are_sequences(values: object) -> bool:
    return isinstance(values, tuple) and all(_are(one, int) for one in values)


def frozen(value: Any) -> Any:
    """Lists as tuples, at every depth."""
    return tuple(frozen(one) for one in value) if isinstance(value, (list, tuple)) else value


def _check_together(settings: SimpleNamespace, defaults: Mapping[str, Any]) -> None:
    s = settings
    allowed = {"top_k"} if s.penalty_alpha > 0 else set()
    against_greedy = _changed(s, defaults, (name for name in TRUNCATIONS if name not in allowed))
    if s.temperature == 0 and against_greedy:
        given = " and ".join(f"{name}={value}" for name, value in against_greedy.items())
        raise ValueError(
            f"temperature 0 (greedy) goes with nothing that narrows a draw, got {given}, which could change nothing; "
            "set a temperature above 0 or leave it out"
        )
    methods = [n for n, on in (("beams", s.beams > 1), ("penalty_alpha", s.penalty_alpha > 0)) if on]
    methods += ["prompt_lookup_tokens"] if s.prompt_lookup_tokens else []
    alone = list(_changed(s, defaults, BEAMS_ONLY)) if s.beams == 1 else []
    _check_needs(s, defaults)
    rules = (
        (
            s.min_new_tokens > s.max_new_tokens,
            "min_new_tokens",
            "at most max_new_tokens",
            "ask for more or insist less",
        ),
        (len(methods) > 1, " and ".join(methods), "used one at a time", "choose one method"),
        (alone != [], "beams", f"2 or more with {' and '.join(alone)}", "4 is usual"),
        (bool(s.forced_words) and bool(s.stop), "stop", "left out with forced_words", "leave one of them out"),
        (s.n_best > s.beams, "n_best", f"at most the number of beams, {s.beams}", "keep more beams"),
        (s.beams % s.beam_groups != 0, "beam_groups", f"a divisor of the {s.beams} beams", "choose another number"),
        (
            s.beam_groups == 1 and s.diversity_penalty > 0,
            "diversity_penalty",
            "0 without beam_groups",
            "set beam_groups to 2 or more",
        ),
        (s.penalty_alpha > 0 and bool(s.stop), "stop", "left out with penalty_alpha", "leave one of them out"),
        (
            bool(methods) and s.when_full != "stop",
            "when_full",
            f"'stop' with {' and '.join(methods)}",
            "leave one of them out",
        ),
        (
            bool(methods) and s.log_probabilities is not None,
            "log_probabilities",
            f"left out with {' and '.join(methods)}",
            "use the plain loop for them",
        ),
    )
    for wrong, name, wanted, advice in rules:
        if wrong:
            got = getattr(s, name, "several")
            raise ValueError(f"{name} must be {wanted}, got {got}; {advice}")


def _check_needs(settings: SimpleNamespace, defaults: Mapping[str, Any]) -> None:
    """ValueError that names all that a method needs and lacks."""
    s = settings
    groups = s.beam_groups if s.beams == 1 else 1  # of how many beams others speak
    needs = {  # method: (what it needs, in words, a value, whether it has it)
        "penalty_alpha": (
            ("temperature", "0", 0, s.temperature == 0),
            ("top_k", "2 or more", 4, s.top_k >= 2),
        ),
        "beam_groups": (
            ("beams", f"a multiple of {groups}", 2 * groups, groups == 1),
            ("diversity_penalty", "above 0", 0.5, s.diversity_penalty > 0),
            ("temperature", "0", 0, s.temperature == 0),
        ),
    }
    for method in _changed(s, defaults, needs):
        missing = [need for need in needs[method] if not need[3]]
        if missing:
            wanted = " and ".join(f"{name} must be {words}" for name, words, _, _ in missing)
            got = " and ".join(f"{name}={getattr(s, name)}" for name, *_ in missing)
            advice = " and ".join(f"{name}={value}" for name, _, value, _ in missing)
            raise ValueError(f"{wanted} with {method}, got {got}; set {advice}")


def _integer(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r} ({type(value).__name__}); pass a whole number")
    return value


def _finite_number(name: str, value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r} ({type(value).__name__}); pass a float")
    if value != value or value in (math.inf, -math.inf):
        raise ValueError(f"{name} must be a finite number, got {value}; pass an ordinary float")
    if value != 0 and not SMALLEST <= abs(value) <= LARGEST:
        raise ValueError(
            f"{name} must be 0 or of a size from {SMALLEST} to {LARGEST}, got {_short(value)}; pass an ordinary float"
        )
    return float(value)


def _short(value: float | int) -> str:
    return f"{value:.6g}" if isinstance(value, float) else f"a whole number of {len(str(abs(value)))} digits"
