"""The vocabulary on disk: the files OpenAI published and those that `transformers` reads."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import BYTE_OF_CHARACTER, expanded, read_utf8, spell, split_lines, unspell

from .added import read_facts
from .bpe import halves
from .json_file import read_json
from .pattern import END_OF_TEXT, PATTERN, special_ids, to_tokenizer_json

NAMES = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))


def has_vocabulary(folder: Path) -> bool:
    """Whether a folder holds a whole tokenizer: a pair of files, or `tokenizer.json` and no half of a pair."""
    pairs = [[(folder / name).is_file() for name in names] for names in NAMES]
    return any(map(all, pairs)) or ((folder / "tokenizer.json").is_file() and not any(map(any, pairs)))


def vocabulary_folder(given: str | Path) -> Path:
    """The folder of the files that is meant: itself, or of a run folder its `model/` or, before that is there, its
    `tokenizer/`. ValueError for `~` where there is no home folder."""
    folder = expanded(given)
    return next((place for place in (folder, folder / "model", folder / "tokenizer") if has_vocabulary(place)), folder)


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer as its files have it; the names are those of `Tokenizer`."""

    ranks: dict[bytes, int]
    pattern: str
    special: tuple[str, ...]
    always: frozenset[str]
    roles: Mapping[str, str]


def read_tokenizer(folder: Path) -> Vocabulary:
    """What `vocab.json` + `merges.txt`, `encoder.json` + `vocab.bpe`, or `tokenizer.json` alone say.

    ValueError where a file is missing or malformed, where two do not belong together, and where something that changes
    the ids of texts could not be kept.
    """
    if not has_vocabulary(folder):
        raise ValueError(
            f"{folder}: wanted vocab.json and merges.txt (or encoder.json and vocab.bpe), got neither pair; "
            f"give the folder of a model, a run or a vocabulary"
        )
    full = folder / "tokenizer.json"
    ids, pairs, ids_file, merges_file = next(_pairs(folder), None) or _one(full)
    facts = read_facts(folder, ids)
    found = ranks_of(ids, pairs, ids_file, merges_file, facts.ids)
    if ids_file != full and full.is_file():
        again = _one(full)
        if again[:2] != (ids, pairs) and ranks_of(*again, facts.ids) != found:
            raise ValueError(f"{full}: wanted the tokens of {ids_file.name}, got others; save the tokenizer again")
    ids_of = {**{END_OF_TEXT: ids[END_OF_TEXT]}, **facts.ids} if END_OF_TEXT in ids else dict(facts.ids)
    return Vocabulary(found, facts.pattern, _in_order(ids_of, len(found), folder), facts.always, facts.roles)


def read_vocabulary(folder: Path) -> dict[bytes, int]:
    """Token bytes to ids, without the special tokens; ValueError as `read_tokenizer`."""
    return read_tokenizer(folder).ranks


def _in_order(ids: Mapping[str, int], n_ranks: int, folder: Path) -> tuple[str, ...]:
    """The special tokens besides end-of-text in the order of their ids; ValueError unless these go on after merges."""
    if not ids:
        return ()
    names = sorted(ids, key=ids.__getitem__)
    if names[0] != END_OF_TEXT or [ids[name] for name in names] != list(range(n_ranks, n_ranks + len(names))):
        shown = ", ".join(f"{name!r} {ids[name]}" for name in names[:8])
        raise ValueError(
            f"{folder}: wanted special tokens numbered on after {END_OF_TEXT} ({n_ranks}, the first id after those of "
            f"merges), got {shown}; number the tokens, and the rows of the model's embedding, in this order"
        )
    return tuple(names[1:])


Parts = tuple[dict[str, Any], list[list[str]], Path, Path]


def _pairs(folder: Path) -> Iterator[Parts]:
    for names in NAMES:
        ids_file, merges_file = (folder / name for name in names)
        if ids_file.is_file() and merges_file.is_file():
            lines = split_lines(read_utf8(merges_file, "merges"))
            pairs = [line.split(" ") for line in lines if line and not line.startswith("#version")]
            yield read_json(ids_file), pairs, ids_file, merges_file


def _one(path: Path) -> Parts:
    """Ids and merges of a `tokenizer.json`; ValueError where it is no byte-level BPE."""
    model = read_json(path).get("model")
    model = model if isinstance(model, dict) else {}
    if model.get("type", "BPE" if "merges" in model else None) != "BPE":
        raise ValueError(f"{path}: wanted a byte-level BPE tokenizer, got {model.get('type')}; that is not GPT-2's")
    ids, merges = model.get("vocab"), model.get("merges")
    if not isinstance(ids, dict) or not isinstance(merges, list):
        raise ValueError(f"{path}: wanted a model with vocab and merges, got one without; copy it again")
    # Merges were strings "left right" in files before tokenizers 0.20, and are pairs since.
    pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in merges]
    if not all(isinstance(pair, list) and all(isinstance(half, str) for half in pair) for pair in pairs):
        raise ValueError(f"{path}: wanted merges of two tokens each, got something else; copy it again")
    return ids, pairs, path, path


def ranks_of(
    ids: dict[str, Any],
    pairs: list[list[str]],
    ids_file: Path,
    merges_file: Path,
    special: Mapping[str, int] | None = None,
) -> dict[bytes, int]:
    """Token bytes to ids; ValueError where the merges do not make the tokens in the order of their ids.

    special: further special tokens and their ids, which no merge makes.
    """
    special = special or {}
    if wrong := [token for token, id in ids.items() if type(id) is not int]:
        raise ValueError(f"{ids_file}: wanted ids that are whole numbers, got {ids[wrong[0]]!r} for {wrong[0]!r}")
    if other := [name for name in ids if special.get(name, ids[name]) != ids[name]]:
        raise ValueError(
            f"{ids_file}: wanted {other[0]!r} with the id {special[other[0]]} that it has as a special token, got "
            f"{ids[other[0]]}; save the tokenizer again"
        )
    merged = {"".join(pair) for pair in pairs}
    if both := [name for name in special if name in merged or (len(name) == 1 and name in BYTE_OF_CHARACTER)]:
        raise ValueError(
            f"{ids_file}: wanted special tokens that no merge makes, got {both[0]!r}, which is both; give it a name "
            f"that no text has, such as <|{both[0]}|>"
        )
    by_merges = {token: id for token, id in ids.items() if token not in special and token != END_OF_TEXT}
    try:
        ranks = {unspell(token): rank for token, rank in by_merges.items()}
    except KeyError as error:
        raise ValueError(f"{ids_file}: wanted byte-level tokens and ids, got the character {error}") from None
    unmade = [token for token in by_merges if len(token) > 1 and token not in merged]
    if unmade and len(pairs) < len(ranks) - 256:
        raise ValueError(
            f"{merges_file}: wanted {len(ranks) - 256} merges for {ids_file.name}, got {len(pairs)}: none makes "
            f"{unmade[0]!r} (id {ids[unmade[0]]}), and no file says that it is a special token; do the files belong "
            f"together?"
        )
    lowest = min(ranks.values(), default=0)
    if lowest > 0 and min([*special.values(), ids.get(END_OF_TEXT, lowest)]) < lowest:
        early = sorted({**special, END_OF_TEXT: ids.get(END_OF_TEXT, lowest)}.items(), key=lambda item: item[1])
        raise ValueError(
            f"{ids_file}: wanted special tokens numbered on after those of merges, got {early[0][0]!r} with id "
            f"{early[0][1]}, before them; number the tokens, and the rows of the model's embedding, bytes and merges "
            f"first"
        )
    for number, pair in enumerate(pairs):
        made = "".join(pair)
        if len(pair) != 2 or ids.get(made) != 256 + number:
            raise ValueError(
                f"{merges_file}: wanted merge {number} to make the token with id {256 + number} of {ids_file.name}, "
                f"got {' '.join(pair)!r} (id {ids.get(made)}); the two files do not belong together"
            )
    if len(pairs) != len(ranks) - 256:
        raise ValueError(f"{merges_file}: wanted {len(ranks) - 256} merges for {ids_file.name}, got {len(pairs)}")
    return ranks


def write_vocabulary(
    folder: Path,
    ranks: dict[bytes, int],
    n_ctx: int,
    *,
    pattern: str = PATTERN,
    special: Sequence[str] = (),
    always: Collection[str] = (),
    roles: Mapping[str, str] | None = None,
) -> None:
    """Write the four files of a tokenizer in the Hugging Face layout.

    GPT-2's class of `transformers` builds its own pattern; what has another, or more special tokens, names the class
    that reads `tokenizer.json` as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    in_order = sorted(ranks.items(), key=lambda item: item[1])
    vocabulary = {spell(token): rank for token, rank in in_order} | special_ids(len(ranks), special)
    merges = [(spell(left), spell(right)) for left, right in halves(ranks)]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        **to_tokenizer_json(len(ranks), pattern, special, always),
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges},
    }
    as_published = pattern == PATTERN and not special
    configuration = {
        "tokenizer_class": "GPT2TokenizerFast" if as_published else "PreTrainedTokenizerFast",
        "model_max_length": n_ctx,
        "add_prefix_space": False,
        **{f"{role}_token": END_OF_TEXT for role in ("bos", "eos", "unk")},
        **(roles or {}),
    }
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
    _write_json(folder / "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8", newline="\n")
    _write_json(folder / "tokenizer.json", tokenizer)
    _write_json(folder / "tokenizer_config.json", configuration, indent=2)


def _write_json(path: Path, content: object, indent: int | None = None) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8", newline="\n")
