"""Texts that match a regular expression, a JSON schema or a grammar, whatever the model would rather write.

llguidance says which tokens may come next (extra `grammar`): it has no dependencies, imports in a tenth of a second
and knows all three kinds. Masking restricts the model's distribution token by token, which is not quite the
distribution of its matching texts (Willard and Louf 2023, "Efficient Guided Generation", arXiv 2307.09702).
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from workbench import fits_utf8, require

from ..protocols import Tokenizer


class Grammar:
    """What one row may write: `grammar(ids)` is True for the ids that may follow the new ids `ids`.

    When the text may end, the end-of-text id is allowed, and when it must, nothing else. One object follows one row, or
    all the beams of a prompt. `wanted` names what was compiled, for the ValueError where it is none, and for the one on
    the way where llguidance gives up a form beyond its limits: half a text must not pass for a whole one.
    """

    def __init__(self, tokenizer: Tokenizer, compiled: str, wanted: str = "a grammar") -> None:
        lib = _llguidance()
        self.n_vocab, self.end_of_text, self.wanted = tokenizer.n_vocab, tokenizer.end_of_text, wanted
        self.matcher = lib.LLMatcher(_tokens_of(tokenizer), compiled)
        self.read: list[int] = []
        if not self.matcher.is_error():
            self.matcher.compute_bitmask()
            if self.matcher.is_error():
                raise ValueError(f"wanted {wanted} that some text fits, got one that only refers to itself; correct it")
        if self.matcher.is_error():
            raise ValueError(f"wanted {wanted}, got one with an error: {_reason(self.matcher.get_error())}; correct it")
        if self.matcher.is_stopped() and not self.matcher.is_accepting():
            raise ValueError(f"wanted {wanted} that some text fits, got one that none fits; correct it")

    def __call__(self, ids: Sequence[int]) -> Bool[Tensor, " V"]:
        self._go_to(list(ids))
        if self.matcher.is_stopped() and not self.matcher.is_error():
            allowed = torch.zeros(self.n_vocab, dtype=torch.bool)
            allowed[self.end_of_text] = True
            return allowed
        bits = torch.frombuffer(bytearray(self.matcher.compute_bitmask()), dtype=torch.uint8)
        self._check_followed()
        return (bits[:, None] >> torch.arange(8) & 1).bool().flatten()[: self.n_vocab]

    def _go_to(self, ids: list[int]) -> None:
        """Bring the matcher to where it has read just `ids`."""
        same = 0
        while same < min(len(ids), len(self.read)) and ids[same] == self.read[same]:
            same += 1
        if same < len(self.read):
            self.matcher.reset()
            same = 0
        for token in ids[same:]:
            if not self.matcher.is_stopped() and not self.matcher.consume_token(token):
                if "satisfy the grammar" not in self.matcher.get_error():
                    self._check_followed()
                raise ValueError(f"wanted ids that match the grammar, got {ids}; begin the row with none")
        self.read = ids

    def _check_followed(self) -> None:
        if self.matcher.is_error():
            reason = _reason(self.matcher.get_error())
            raise ValueError(f"wanted {self.wanted} that can be followed, got one too large: {reason}; simplify it")


def matching_regex(tokenizer: Tokenizer, pattern: str) -> Grammar:
    """Texts that match the whole of a regular expression (the syntax of Rust's `regex`: no look-around). ValueError for
    a pattern that is none."""
    _check_text(pattern, "a regular expression")
    return Grammar(tokenizer, _llguidance().LLMatcher.grammar_from_regex(pattern), "a regular expression")


def matching_schema(tokenizer: Tokenizer, schema: Mapping[str, Any] | str) -> Grammar:
    """JSON that fits a JSON schema (json-schema.org; draft 2020-12, what llguidance knows of it)."""
    try:
        text = json.dumps(json.loads(schema) if isinstance(schema, str) else schema)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"wanted a JSON schema, got {str(schema)[:80]!r}: {error}; correct it") from None
    compiled = _llguidance().LLMatcher.grammar_from_json_schema(text)
    return Grammar(tokenizer, compiled, "a JSON schema")


def matching_grammar(tokenizer: Tokenizer, grammar: str) -> Grammar:
    """Texts of a context-free grammar in Lark's notation, from its rule `start`."""
    _check_text(grammar, "a grammar")
    return Grammar(tokenizer, _llguidance().LLMatcher.grammar_from_lark(grammar))


def _check_text(given: object, wanted: str) -> None:
    if not isinstance(given, str):
        raise TypeError(f"wanted {wanted} as a text, got {type(given).__name__}; write it as one")
    if not fits_utf8(given):
        raise ValueError(f"wanted {wanted} in UTF-8, got {given[:80]!r}, which has half a surrogate pair; correct it")


def _reason(error: str) -> str:
    """What is wrong, out of llguidance's words: of a regular expression the line after its picture, else the first."""
    lines = error.splitlines()
    named = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (named or lines)[0]


def _llguidance() -> Any:
    return require("llguidance", "decoding", "grammar")


class _Tokens:
    """Our tokenizer as llguidance wants it: the bytes of each id."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.eos_token_id, self.bos_token_id = tokenizer.end_of_text, None
        self.tokens = [
            b"\xff<|end|>" if token == tokenizer.end_of_text else tokenizer.decode_bytes([token])
            for token in range(tokenizer.n_vocab)
        ]
        self.special_token_ids = [tokenizer.end_of_text]
        self.tokenizer = tokenizer
        self.is_tokenizer_wrapper = True

    def __call__(self, text: str | bytes) -> list[int]:
        return self.tokenizer.encode(text.decode() if isinstance(text, bytes) else text)


def _tokens_of(tokenizer: Tokenizer) -> Any:
    key: Any = tokenizer
    try:
        return _made_once(key)
    except TypeError:  # no key of a dictionary
        return _llguidance().LLTokenizer(_Tokens(tokenizer))


@lru_cache(maxsize=4)
def _made_once(tokenizer: Any) -> Any:
    """It asks for the bytes of every id."""
    return _llguidance().LLTokenizer(_Tokens(tokenizer))
