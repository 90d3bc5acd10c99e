"""What is decided before any merge: which tokens are special, and into which pieces the rest of a text is cut."""

from collections.abc import Sequence
from typing import Any

END_OF_TEXT = "<|endoftext|>"
PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""What GPT-2 cuts text into before merging: contractions, words, numbers, punctuation, white space; merges never
cross such a piece (openai/gpt-2 `src/encoder.py`, `self.pat`)."""

_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def check_special(names: Sequence[str]) -> None:
    """ValueError unless every special token can be told from every other, wherever it stands."""
    for number, name in enumerate(names):
        rivals = [other for other in (*names[:number], *names[number + 1 :]) if other.startswith(name)]
        if not name or rivals:
            raise ValueError(
                f"special: wanted names of which none begins another, got {name!r}"
                f"{f' and {rivals[0]!r}' if rivals else ''}; {END_OF_TEXT} is always there; choose other names"
            )


def special_ids(n_ranks: int, special: Sequence[str]) -> dict[str, int]:
    """Ids of the special tokens: end of text first, after all tokens that merges make."""
    return {name: n_ranks + number for number, name in enumerate((END_OF_TEXT, *special))}


def to_tokenizer_json(n_ranks: int, pattern: str, special: Sequence[str]) -> dict[str, Any]:
    """The parts of a `tokenizer.json` that say all this. GPT-2's own pattern is built into `tokenizers`."""
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    own = {"type": "Sequence", "pretokenizers": [split, _BYTE_LEVEL | {"use_regex": False}]}
    return {
        "added_tokens": [{"id": i, "content": name, **flags} for name, i in special_ids(n_ranks, special).items()],
        "normalizer": None,
        "pre_tokenizer": _BYTE_LEVEL if pattern == PATTERN else own,
        "post_processor": None,
        "decoder": _BYTE_LEVEL,
    }


def from_tokenizer_json(content: dict[str, Any], where: object) -> tuple[str, tuple[str, ...]]:
    """Pattern and further special tokens of a `tokenizer.json`; ValueError where it cuts text in some other way."""
    added = {token["content"]: token["id"] for token in content.get("added_tokens", ()) if token.get("special")}
    first = added.pop(END_OF_TEXT, None)
    special = sorted(added, key=added.__getitem__)
    if first is not None and [added[name] for name in special] != list(range(first + 1, first + 1 + len(special))):
        raise ValueError(
            f"{where}: wanted special tokens numbered on after {END_OF_TEXT} ({first}), got {added}; take them out"
        )
    return _pattern_of(content.get("pre_tokenizer"), where), tuple(special)


def _pattern_of(cutting: dict[str, Any] | None, where: object) -> str:
    match cutting:
        case None | {"type": "ByteLevel", "add_prefix_space": False}:
            return PATTERN
        case {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Isolated", "invert": False},
                {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
            ],
        }:
            return pattern
    raise ValueError(
        f"{where}: wanted GPT-2's byte-level pre-tokenizer, or a pattern and then bytes, got {cutting}; "
        f"that tokenizer cuts text in another way"
    )
