"""From the bytes of a body to a struct: what is no JSON, no known field or of no right type is answered by name."""

import json
import re
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct

from workbench import shorten

from .refusals import Refused
from .requests import SETTINGS, Settings

Kind = TypeVar("Kind", bound=Struct)

NOT_HERE = {
    "suffix": "GPT-2 has no way to fill in text before a suffix; leave it out",
    "tools": "the models here call no tools; leave it out",
    "tool_choice": "the models here call no tools; leave it out",
    "functions": "the models here call no functions; leave it out",
    "function_call": "the models here call no functions; leave it out",
    "parallel_tool_calls": "the models here call no tools; leave it out",
    "audio": "the models here know text only; leave it out",
    "modalities": "the models here know text only; leave it out",
    "prediction": "drafts are looked up in the text: prompt_lookup_tokens",
    "reasoning_effort": "the models here write no hidden reasoning; leave it out",
    "verbosity": "max_tokens and length settings say how much is written; leave it out",
    "store": "nothing is stored here; leave it out",
    "metadata": "nothing is stored here; a name for the access log goes into user",
    "service_tier": "all requests are equal here; leave it out",
    "web_search_options": "nothing is searched here; leave it out",
    "prompt_cache_key": "equal prompts are found without a key; leave it out",
    "safety_identifier": "a name for the access log goes into user",
    "ignore_eos": "write stop_at_end_of_text=false",
    "min_tokens": "write min_new_tokens",
    "max_new_tokens": "write max_tokens",
    "log_probabilities": "write logprobs",
    "n_best": "write n",
    "use_beam_search": "write beams",
    "num_beams": "write beams",
    "guided_regex": "write regex",
    "guided_json": "write json_schema",
    "guided_grammar": "write grammar, in Lark's notation",
    "n_predict": "write max_tokens",
}
"""Fields of OpenAI's, vLLM's and llama.cpp's that are known and not honored, with what to do."""

WORDS = {
    "int": "a whole number",
    "float": "a number",
    "int | float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
"""What msgspec calls kinds, and JSON's readers."""


def decoded(body: bytes) -> dict[str, Any]:
    """The object that a body holds; 400 for bytes that are no JSON (NaN and lone surrogates are none), or no object."""
    try:
        found = msgspec.json.decode(body)
    except RecursionError:
        raise Refused("wanted a JSON object as the body, got one nested too deep; flatten it") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(f"wanted a JSON object as the body, got {shortly(body)} ({error}); correct it") from None
    if not isinstance(found, dict):
        raise Refused(f"wanted a JSON object as the body, got {shorten(json.dumps(found), 60)}; write {{…}} around it")
    return found


def read(body: bytes, kind: type[Kind]) -> Kind:
    """The body as a struct of that kind, which is no `CompletionRequest` and no `ChatRequest`."""
    return converted(_known(decoded(body), kind.__struct_fields__), kind)


def read_with_settings(body: bytes, kind: type[Kind]) -> tuple[Kind, dict[str, Any]]:
    """The body as that kind, and the settings in it, by their names in `GenerationSettings`: those that were given."""
    names = (*kind.__struct_fields__, *SETTINGS)
    found = _known(decoded(body), names)
    request = converted({name: value for name, value in found.items() if name not in SETTINGS}, kind)
    settings = converted({name: value for name, value in found.items() if name in SETTINGS}, Settings)
    given = {name: getattr(settings, name) for name in SETTINGS}
    return request, {name: value for name, value in given.items() if value is not UNSET}


def _known(found: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The fields that are not null; 400 for one that is unknown, or known and not honored."""
    given = {name: value for name, value in found.items() if value is not None}
    for name in given:
        if name in names:
            continue
        if name in NOT_HERE:
            raise Refused(f"{name}: wanted no such field, got one; {NOT_HERE[name]}", param=name)
        near = get_close_matches(name, names, n=1)
        advice = f"did you mean {near[0]}?" if near else "GET /openapi.json lists all fields"
        raise Refused(
            f"wanted the fields of this request, got {shortly(name)}; {advice}",
            param=shorten(name, 60),
            code="unknown_field",
        )
    return given


def converted(found: dict[str, Any], kind: type[Kind]) -> Kind:
    """A decoded object as a struct; 400 that names the place, the kind wanted and the value that came."""
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        wanted, _, where = str(error).partition(" - at ")
        path = where.replace("`", "").replace("key in ", "").replace("$.", "").replace("$", "")
        named = [one or two for one, two in re.findall(r"(\w+)|\[(\d+|\.\.\.)\]", path)]
        raise Refused(
            f"{path or 'the body'}: wanted {_words(wanted)}, got {_value(found, named)}; correct it",
            param=named[0] if named else _missing(wanted),
        ) from None


def _words(wanted: str) -> str:
    """`Expected X, got Y` of msgspec as what was wanted."""
    if missing := _missing(wanted):
        return f"a field {missing}"
    words = wanted.removeprefix("Expected ").partition(", got")[0]
    if words.startswith("Invalid enum value"):
        return "one of the values in /openapi.json"
    return re.sub(r"`([^`]*)`", lambda m: _kinds(m[1]), words)


def _kinds(names: str) -> str:
    if names in WORDS:
        return WORDS[names]
    return " or ".join(WORDS.get(name, name) for name in names.split(" | ") if name != "null")


def _missing(wanted: str) -> str | None:
    found = re.search(r"missing required field `(\w+)`", wanted)
    return found[1] if found else None


def _value(found: Any, path: list[str]) -> str:
    """The value at a path of msgspec's, where it can be followed."""
    for name in path:
        try:
            found = found[int(name)] if isinstance(found, list) else found[name]
        except (KeyError, IndexError, ValueError, TypeError):
            return "another" if name == "..." else "none"
    return shorten(json.dumps(found), 60)


def shortly(text: str | bytes) -> str:
    """Whatever came, short and on one line."""
    return shorten(repr(text), 60)
