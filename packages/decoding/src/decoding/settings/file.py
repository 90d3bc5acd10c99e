"""Settings in `generation_config.json`, the file in which transformers keeps them beside a model."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from .values import GenerationSettings

THEIR_NAMES = {
    "beams": "num_beams",
    "n_best": "num_return_sequences",
    "stop": "stop_strings",
    "banned": "bad_words_ids",
    "logit_bias": "sequence_bias",
    "prompt_lookup_tokens": "prompt_lookup_num_tokens",
    "beam_groups": "num_beam_groups",
}
FILE = "generation_config.json"
OURS = "decoding"
"""What transformers has no name for stands in an object of this name, which it keeps as it is."""
THEIRS = {
    *("max_new_tokens", "min_new_tokens", "temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff"),
    *("eta_cutoff", "repetition_penalty", "no_repeat_ngram_size", "length_penalty", "early_stopping", "penalty_alpha"),
    *("diversity_penalty", *THEIR_NAMES),
}


def write_settings(folder: str | Path, settings: GenerationSettings) -> None:
    """Put the settings into the folder's generation_config.json; what else stands there, such as token ids, stays."""
    path = Path(folder, FILE)
    content = _read(path) if path.exists() else {}
    own: dict[str, Any] = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        name = THEIR_NAMES.get(field.name, field.name)
        content.pop(name, None)
        if value != field.default:
            (content if field.name in THEIRS else own)[name] = _plain(value)
    content.pop(OURS, None)
    if own:
        content[OURS] = own
    content["do_sample"] = not settings.is_greedy
    if settings.is_greedy:
        content.pop("temperature", None)  # transformers warns about a temperature without do_sample
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_settings(folder: str | Path) -> GenerationSettings:
    """The settings in the folder's generation_config.json: transformers' names and ours; what it lacks has our default.

    `do_sample` that is false or missing means temperature 0, as transformers does. ValueError for a file that is no
    JSON or holds what makes no sense; FileNotFoundError where there is none.
    """
    path = Path(folder, FILE)
    content = _read(path)
    own = content.get(OURS, {})
    values: dict[str, Any] = {}
    for field in fields(GenerationSettings):
        name = THEIR_NAMES.get(field.name, field.name)
        if own.get(name, content.get(name)) is not None:
            values[field.name] = _frozen(own.get(name, content.get(name)))
    if values.get("beams", 1) == 1:  # without beams transformers takes no notice of these
        for name in ("length_penalty", "early_stopping", "patience"):
            values.pop(name, None)
    if isinstance(values.get("stop"), str):  # transformers takes one text, too
        values["stop"] = (values["stop"],)
    if not content.get("do_sample", False):
        values["temperature"] = 0.0
        for name in ("top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff"):
            values.pop(name, None)
        if not values.get("penalty_alpha"):
            values.pop("top_k", None)
    try:
        return GenerationSettings(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"wanted JSON in {path}, got {error}; correct or delete the file") from None
    if not isinstance(content, dict):
        raise ValueError(f"wanted an object in {path}, got {type(content).__name__}; correct or delete the file")
    return content


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value
