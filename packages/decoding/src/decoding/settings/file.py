"""Settings in `generation_config.json`, the file in which transformers keeps them beside a model."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from workbench import parse_object

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


WITHOUT_EFFECT = {
    *("use_cache", "transformers_version", "_from_model_config", "cache_implementation", "cache_config"),
    *("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "disable_compile", "compile_config"),
    *("output_attentions", "output_hidden_states", "output_scores", "output_logits", "return_dict_in_generate"),
    *("num_assistant_tokens", "num_assistant_tokens_schedule", "assistant_confidence_threshold", "is_assistant"),
    *("max_matching_ngram_size", "assistant_lookbehind", "target_lookbehind", "encoder_repetition_penalty"),
    "encoder_no_repeat_ngram_size",
}
READ_APART = {"do_sample", "suppress_tokens", "max_length"}
"""Their fields without a setting: those that change no text of a GPT-2 (which ids end one gpt2.load reads), and those
that `read_settings` makes something of."""
NEUTRAL = {
    **dict.fromkeys(("remove_invalid_values", "renormalize_logits", "low_memory", "token_healing"), (False,)),
    "min_length": (0,),
    "guidance_scale": (1,),
}
"""Values at which fields that are not honored change nothing; null changes nothing in any."""
TOP_K = 50
"""What transformers takes where a file that draws says no top_k."""


def write_settings(folder: str | Path, settings: GenerationSettings) -> None:
    """Put the settings into the folder's generation_config.json, so that they mean the same to transformers: what it
    has a name for is written in full where its default is another. The ids that end a text stay, those of config.json
    where the file is new; other fields that would change the text go.
    """
    path = Path(folder, FILE)
    content = _read(path) if path.exists() else _ends_of(Path(folder, "config.json"))
    content = {name: value for name, value in content.items() if name in WITHOUT_EFFECT}
    own: dict[str, Any] = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        name = THEIR_NAMES.get(field.name, field.name)
        if value != field.default:
            (content if field.name in THEIRS else own)[name] = _plain(value)
    if own:
        content[OURS] = own
    content["do_sample"] = not settings.is_greedy
    content["max_new_tokens"] = settings.max_new_tokens  # theirs counts the prompt, to 20
    if not settings.is_greedy:
        content["top_k"] = settings.top_k  # theirs is 50
    if settings.is_greedy:
        content.pop("temperature", None)  # transformers warns about a temperature without do_sample
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_settings(folder: str | Path) -> GenerationSettings:
    """The settings in the folder's generation_config.json: transformers' names and ours; what it lacks has our default.

    It means what transformers takes it to mean: `do_sample` that is false or missing is temperature 0, drawing without
    a `top_k` takes 50, `suppress_tokens` never come. Only where no length is given it is ours. ValueError for a file
    that is no JSON or holds what makes no sense, and, with its name, for a field that would change the text and has no
    counterpart here; FileNotFoundError where there is none.
    """
    path = Path(folder, FILE)
    content = _read(path)
    _refuse_others(content, path)
    own = content.get(OURS, {})
    if not isinstance(own, dict):
        raise ValueError(f"{path}: wanted an object as {OURS}, got {own!r}; correct or delete it")
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
    elif content.get("top_k") is None and "top_k" not in own:
        values["top_k"] = TOP_K
    if (never := content.get("suppress_tokens")) and not isinstance(never, list):
        raise ValueError(f"{path}: wanted a list of ids as suppress_tokens, got {never!r}; correct or delete it there")
    if never and isinstance(values.setdefault("banned", ()), tuple):  # or it is refused below
        values["banned"] += tuple((token,) for token in never)
    try:
        return GenerationSettings(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


def _refuse_others(content: dict[str, Any], path: Path) -> None:
    """ValueError for the first field that would change the text and is not read."""
    names = {THEIR_NAMES.get(name, name) for name in THEIRS}
    for name, value in content.items():
        if value is None or name in {*WITHOUT_EFFECT, *READ_APART, *names, OURS} or value in NEUTRAL.get(name, ()):
            continue
        raise ValueError(f"{path}: wanted fields that decoding knows, got {name} = {value!r}; delete it there")
    if content.get("max_length") is not None and content.get("max_new_tokens") is None:
        raise ValueError(
            f"{path}: wanted max_new_tokens, got max_length = {content['max_length']!r}, which counts the prompt too; "
            "write max_new_tokens in its place"
        )
    several = content.get("num_return_sequences") or 1
    if several != 1 and (content.get("num_beams") or 1) == 1:
        raise ValueError(
            f"{path}: wanted num_return_sequences of 1 without num_beams, got {several!r}; draw several with samples() "
            "and delete it there"
        )


def _ends_of(path: Path) -> dict[str, Any]:
    """The ids that a config.json says texts begin and end with; transformers looks for them in the new file only."""
    content = _read(path) if path.exists() else {}
    return {name: content[name] for name in ("bos_token_id", "eos_token_id") if content.get(name) is not None}


def _read(path: Path) -> dict[str, Any]:
    return parse_object(path.read_bytes(), str(path), "correct or delete the file")


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value
