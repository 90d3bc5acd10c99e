"""Tokens beside those of merges, as `transformers` writes them down: in four files, which may contradict each other.

`tokenizer.json` has them with ids and flags, `tokenizer_config.json` has the same since 4.34 and their roles,
`added_tokens.json` and `special_tokens_map.json` are what slow tokenizers leave. What changes the ids of a text and
cannot be kept here is refused by its name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .json_file import read_json
from .pattern import END_OF_TEXT, PATTERN, pattern_of

ROLES = tuple(f"{role}_token" for role in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))
GPT2_CLASSES = ("GPT2Tokenizer", "GPT2TokenizerFast")
_GENERAL = (None, "PreTrainedTokenizerFast", "TokenizersBackend")
_CHANGING = ("add_prefix_space", "add_bos_token", "add_eos_token", "split_special_tokens")
_FLAGS = {"lstrip": "takes the white space before it", "rstrip": "takes the white space after it"}
_FLAGS["single_word"] = "is one only between word ends"


@dataclass(frozen=True)
class Facts:
    """What the files of a tokenizer say besides its vocabulary."""

    pattern: str
    ids: Mapping[str, int]
    """Of the tokens that are said to be special or added, end-of-text among them where it is."""
    always: frozenset[str]
    """Names that are tokens wherever a text spells them: added ones that are not special."""
    roles: Mapping[str, str]
    """pad_token and its like, where the role is not end-of-text's."""


def read_facts(folder: Path, vocabulary: Mapping[str, Any]) -> Facts:
    """The facts of a folder's tokenizer; ValueError naming the one that cannot be kept.

    vocabulary: names to ids, for those roles whose tokens stand nowhere else.
    """
    full, settings, added, mapped = (
        read_json(path) if (path := folder / name).is_file() else {}
        for name in ("tokenizer.json", "tokenizer_config.json", "added_tokens.json", "special_tokens_map.json")
    )
    named = settings.get("tokenizer_class")
    if not full and named not in (*GPT2_CLASSES, *_GENERAL):
        raise ValueError(
            f"{folder / 'tokenizer_config.json'}: wanted GPT-2's tokenizer, or a tokenizer.json that says what "
            f"{named!r} does, got neither; open it with transformers and save it again with legacy_format=False"
        )
    for name in _CHANGING:
        if settings.get(name):
            raise ValueError(
                f"{folder / 'tokenizer_config.json'}: wanted {name} = false as in GPT-2, got {settings[name]!r}, "
                f"which changes the ids of texts; that is another tokenizer"
            )
    roles = _roles(mapped) | _roles(settings)
    flagged: dict[str, bool] = {}
    ids: dict[str, int] = {}
    for where, name, id, special in _tokens(folder, full, settings, added, {name for _, name in _named(roles)}):
        if ids.setdefault(name, id) != id:
            raise ValueError(f"{where}: wanted one id for {name!r}, got {id} and {ids[name]}; save the tokenizer again")
        flagged[name] = special
    for role, name in _named(roles):
        if name in ids or name == END_OF_TEXT:
            flagged[name] = True
            continue
        if name not in vocabulary:
            raise ValueError(
                f"{folder}: wanted the id of {role} {name!r} in tokenizer.json, got none; open the tokenizer with "
                f"transformers, and save it again"
            )
        ids[name], flagged[name] = vocabulary[name], True
    pattern = PATTERN
    if full:
        cutting = full.get("pre_tokenizer")
        pattern = (
            PATTERN if cutting is None and named in GPT2_CLASSES else pattern_of(cutting, folder / "tokenizer.json")
        )
        _check_the_rest(full, folder / "tokenizer.json")
    if pattern != PATTERN and named in GPT2_CLASSES:
        raise ValueError(
            f"{folder / 'tokenizer_config.json'}: wanted tokenizer_class PreTrainedTokenizerFast beside a pattern that "
            f"is not GPT-2's, got {named}, which cuts text by its own; name the class for which it was trained"
        )
    kept = {role: name for role, name in roles.items() if isinstance(name, str) and name != END_OF_TEXT}
    return Facts(pattern, ids, frozenset(name for name, special in flagged.items() if not special), kept)


def _tokens(
    folder: Path, full: dict[str, Any], settings: dict[str, Any], added: dict[str, Any], special: set[str]
) -> Iterator[tuple[Path, str, int, bool]]:
    """File, name, id and whether it is special, of every added token."""
    where, known = folder / "tokenizer.json", {}
    for token in _checked(full.get("added_tokens"), list, where):
        yield (found := _token(token, token.get("id") if isinstance(token, dict) else None, where))
        known[found[1]] = token
    where = folder / "tokenizer_config.json"
    for number, token in _checked(settings.get("added_tokens_decoder"), dict, where).items():
        yield (found := _token(token, int(number) if number.isdecimal() else None, where))
        known[found[1]] = token
    for name, id in added.items():
        yield _token(known.get(name, {"content": name, "special": name in special}), id, folder / "added_tokens.json")


def _checked(value: Any, kind: type, where: Path) -> Any:
    if value is not None and not isinstance(value, kind):
        raise ValueError(f"{where}: wanted added tokens, got {str(value)[:60]!r}; copy the tokenizer again")
    return value or kind()


def _token(token: Any, id: Any, where: Path) -> tuple[Path, str, int, bool]:
    name = token.get("content") if isinstance(token, dict) else None
    if not isinstance(name, str) or not isinstance(id, int) or isinstance(id, bool):
        raise ValueError(f"{where}: wanted added tokens with content and id, got {token!r}; copy the tokenizer again")
    for flag, meaning in _FLAGS.items():
        if token.get(flag):
            raise ValueError(
                f"{where}: wanted tokens that are exactly their letters, got {name!r} with {flag}, which {meaning}; "
                f"take it out, or save the tokenizer without"
            )
    return where, name, id, bool(token.get("special")) or name == END_OF_TEXT


def _roles(content: dict[str, Any]) -> dict[str, Any]:
    """pad_token and its like as names; lists of further special tokens under the names that their key has."""
    roles: dict[str, Any] = {}
    for role in ROLES:
        if content.get(role) is not None:
            roles[role] = _name(content[role])
    for key in ("additional_special_tokens", "extra_special_tokens", "model_specific_special_tokens"):
        further = content.get(key) or []
        further = list(further.values()) if isinstance(further, dict) else further
        if not isinstance(further, list):
            raise ValueError(f"{key}: wanted a list of special tokens, got {further!r}; copy the tokenizer again")
        roles[key] = [_name(token) for token in further]
    return roles


def _named(roles: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for role, names in roles.items():
        for name in [names] if isinstance(names, str) else names:
            yield role, name


def _name(token: Any) -> str:
    name = token.get("content") if isinstance(token, dict) else token
    if not isinstance(name, str):
        raise ValueError(f"special tokens: wanted their names, got {token!r}; copy the tokenizer again")
    return name


def _check_the_rest(full: dict[str, Any], where: Path) -> None:
    """ValueError for a step of a `tokenizer.json` that would change ids and that GPT-2 does not have."""
    model = full.get("model")
    model = model if isinstance(model, dict) else {}
    steps = {"normalizer": full.get("normalizer")} | {
        f"model.{name}": model.get(name)
        for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges")
    }
    if isinstance(steps["normalizer"], dict) and steps["normalizer"].get("normalizers") == []:
        steps["normalizer"] = None
    for name, value in steps.items():
        if value:
            raise ValueError(
                f"{where}: wanted no {name} as in GPT-2, got {str(value)[:80]}, which changes the ids of texts; that "
                f"is another tokenizer"
            )
    if _adds_tokens(full.get("post_processor")):
        raise ValueError(
            f"{where}: wanted no tokens around a text as in GPT-2, got the post_processor "
            f"{str(full['post_processor'])[:80]}; that is another tokenizer"
        )


def _adds_tokens(step: Any) -> bool:
    match step:
        case None | {"type": "ByteLevel"}:
            return False
        case {"type": "Sequence", "processors": [*steps]}:
            return any(map(_adds_tokens, steps))
        case {"type": "TemplateProcessing", "single": [{"Sequence": _}]}:
            return False
    return True
