"""The vocabulary on disk: the files OpenAI published and those that `transformers` reads."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench import spell, unspell

from .bpe import halves
from .pattern import END_OF_TEXT, PATTERN, from_tokenizer_json, special_ids, to_tokenizer_json

NAMES = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))


def has_vocabulary(folder: Path) -> bool:
    """Whether a folder holds a whole tokenizer: a pair of files, or `tokenizer.json` and no half of a pair."""
    pairs = [[(folder / name).is_file() for name in names] for names in NAMES]
    return any(map(all, pairs)) or ((folder / "tokenizer.json").is_file() and not any(map(any, pairs)))


def read_pattern_and_special(folder: Path) -> tuple[str, tuple[str, ...]]:
    """The pattern of a folder's tokenizer and its special tokens besides end-of-text: GPT-2's own, unless its
    `tokenizer.json` says otherwise. That large file is left closed where `tokenizer_config.json` names GPT-2's class.
    """
    path, configuration = folder / "tokenizer.json", folder / "tokenizer_config.json"
    named = _read_json(configuration).get("tokenizer_class") if configuration.is_file() else None
    if named in ("GPT2Tokenizer", "GPT2TokenizerFast") or not path.is_file():
        return PATTERN, ()
    return from_tokenizer_json(_read_json(path), path)


def read_vocabulary(folder: Path) -> dict[bytes, int]:
    """Token bytes to ids, from `vocab.json` + `merges.txt`, `encoder.json` + `vocab.bpe`, or `tokenizer.json` alone.

    ValueError where a file is missing or malformed, or the two do not belong together.
    """
    if not has_vocabulary(folder):
        raise ValueError(
            f"{folder}: wanted vocab.json and merges.txt (or encoder.json and vocab.bpe), got neither pair; "
            f"give the folder of a model or of a vocabulary"
        )
    special = read_pattern_and_special(folder)[1]
    for names in NAMES:
        ids_file, merges_file = (folder / name for name in names)
        if ids_file.is_file() and merges_file.is_file():
            lines = merges_file.read_text(encoding="utf-8").split("\n")
            pairs = [line.split(" ") for line in lines if line and not line.startswith("#version")]
            return ranks_of(_read_json(ids_file), pairs, ids_file, merges_file, special)
    return read_tokenizer_json(folder / "tokenizer.json")


def read_tokenizer_json(path: Path) -> dict[bytes, int]:
    """Token bytes to ids from a `tokenizer.json` of byte-level BPE, merges checked; ValueError where it is none."""
    content = _read_json(path)
    model = content.get("model", {})
    if model.get("type") != "BPE":
        raise ValueError(f"{path}: wanted a byte-level BPE tokenizer, got {model.get('type')}; that is not GPT-2's")
    # Merges were strings "left right" in files before tokenizers 0.20, and are pairs since.
    pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    return ranks_of(model["vocab"], pairs, path, path, from_tokenizer_json(content, path)[1])


def ranks_of(
    ids: dict[str, int], pairs: list[list[str]], ids_file: Path, merges_file: Path, special: Sequence[str] = ()
) -> dict[bytes, int]:
    """Token bytes to ids; ValueError where the merges do not make the tokens in the order of their ids."""
    try:
        ranks = {unspell(token): rank for token, rank in ids.items() if token not in (END_OF_TEXT, *special)}
    except KeyError as error:
        raise ValueError(f"{ids_file}: wanted byte-level tokens and ids, got the character {error}") from None
    for number, pair in enumerate(pairs):
        merged = "".join(pair)
        if len(pair) != 2 or ids.get(merged) != 256 + number:
            raise ValueError(
                f"{merges_file}: wanted merge {number} to make the token with id {256 + number} of {ids_file.name}, "
                f"got {' '.join(pair)!r} (id {ids.get(merged)}); the two files do not belong together"
            )
    if len(pairs) != len(ranks) - 256:
        raise ValueError(f"{merges_file}: wanted {len(ranks) - 256} merges for {ids_file.name}, got {len(pairs)}")
    return ranks


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: wanted a JSON object of byte-level tokens and ids, got {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: wanted a JSON object of byte-level tokens and ids, got a {type(content).__name__}")
    return content


def write_vocabulary(
    folder: Path, ranks: dict[bytes, int], n_ctx: int, *, pattern: str = PATTERN, special: Sequence[str] = ()
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
        **to_tokenizer_json(len(ranks), pattern, special),
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges},
    }
    as_published = pattern == PATTERN and not special
    configuration = {
        "tokenizer_class": "GPT2TokenizerFast" if as_published else "PreTrainedTokenizerFast",
        "model_max_length": n_ctx,
        "add_prefix_space": False,
        **{f"{role}_token": END_OF_TEXT for role in ("bos", "eos", "unk")},
    }
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
    _write_json(folder / "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8", newline="\n")
    _write_json(folder / "tokenizer.json", tokenizer)
    _write_json(folder / "tokenizer_config.json", configuration, indent=2)


def _write_json(path: Path, content: object, indent: int | None = None) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8", newline="\n")
