"""What is decided before any merge: which tokens are special, and into which pieces the rest of a text is cut."""

from collections.abc import Collection, Sequence
from typing import Any

END_OF_TEXT = "<|endoftext|>"
PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""What GPT-2 cuts text into before merging: contractions, words, numbers, punctuation, white space; merges never
cross such a piece (openai/gpt-2 `src/encoder.py`, `self.pat`)."""

_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def check_special(names: Sequence[str], always: Collection[str] = ()) -> None:
    """ValueError unless every special token can be told from every other, wherever it stands; one that is `always` a
    token may not reach into one that is looked for first."""
    if unknown := set(always) - set(names[1:]):
        raise ValueError(f"always: wanted names of special tokens, got {sorted(unknown)}; add them to special")
    for name in always:
        for other in set(names) - set(always):
            reach = [n for n in range(1, min(len(name), len(other)) + 1) if name[-n:] == other[:n]]
            if reach or other in name:
                raise ValueError(
                    f"special: wanted added words that reach into no other token, got {name!r} and {other!r}; choose "
                    f"other names"
                )
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


def to_tokenizer_json(n_ranks: int, pattern: str, special: Sequence[str], always: Collection[str]) -> dict[str, Any]:
    """The parts of a `tokenizer.json` that say all this. GPT-2's own pattern is built into `tokenizers`."""
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    own = {"type": "Sequence", "pretokenizers": [split, _BYTE_LEVEL | {"use_regex": False}]}
    return {
        "added_tokens": [
            {"id": id, "content": name, **flags, "special": name not in always}
            for name, id in special_ids(n_ranks, special).items()
        ],
        "normalizer": None,
        "pre_tokenizer": _BYTE_LEVEL if pattern == PATTERN else own,
        "post_processor": None,
        "decoder": _BYTE_LEVEL,
    }


def pattern_of(cutting: Any, where: object) -> str:
    """The pattern of a `tokenizer.json`'s pre-tokenizer; ValueError where it cuts text in some other way."""
    match cutting:
        case {"type": "ByteLevel", "add_prefix_space": False} if cutting.get("use_regex", True):
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
        f"{where}: wanted GPT-2's byte-level pre-tokenizer, or a pattern and then bytes, got {str(cutting)[:300]}; "
        f"that tokenizer cuts text in another way"
    )
