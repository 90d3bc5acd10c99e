"""The tokenizer: byte-level BPE with GPT-2's pattern, published or trained on your own text.

Sennrich et al. 2016 (arXiv 1508.07909) brought byte-pair encoding to words; GPT-2 runs it on bytes, so that every text
has an encoding and nothing is unknown (Radford et al. 2019, section 2.2). Encoding and decoding are `tiktoken`'s.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import tiktoken

from workbench import expanded, unspell

from .files import read_tokenizer, vocabulary_folder, write_vocabulary
from .pattern import END_OF_TEXT, PATTERN, check_special, special_ids
from .white_space import cut_runs, guarded, has_long_run, pieces, without_surrogates


class Tokenizer:
    """Text to token ids and back. `ranks` maps each token's bytes to its id; merges with lower ids come first.

    pattern: a regular expression for the pieces that merges never cross (default GPT-2's). special: names of further
    special tokens, numbered after the end-of-text token. always: those of them that are tokens wherever a text spells
    them, as added words of `transformers` are. roles: what the files of `transformers` call some of them, such as
    {"pad_token": "<|pad|>"}; nothing here depends on it.
    """

    def __init__(
        self,
        ranks: dict[bytes, int],
        *,
        pattern: str = PATTERN,
        special: Sequence[str] = (),
        always: Collection[str] = (),
        roles: Mapping[str, str] | None = None,
    ) -> None:
        if sorted(ranks.values()) != list(range(len(ranks))):
            raise ValueError(
                f"ranks: wanted the ids 0..{len(ranks) - 1}, each once, got {len(set(ranks.values()))} different ids "
                f"up to {max(ranks.values(), default=-1)}; number the tokens without gaps"
            )
        missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
        if missing:
            raise ValueError(
                f"ranks: wanted all 256 single bytes, got none for {missing[:8]}; add them: any text may need them"
            )
        check_special((END_OF_TEXT, *special), always)
        if taken := [name for name in special if _spelled(name) in ranks]:
            raise ValueError(
                f"special: wanted names that no merge makes, got {taken[0]!r}, which files could not tell from the "
                f"token of merges; choose another, such as <|{taken[0]}|>"
            )
        self.ranks, self.pattern, self.special = ranks, pattern, tuple(special)
        self.always, self.roles = frozenset(always), dict(roles or {})
        self.end_of_text = len(ranks)
        self.special_ids = special_ids(len(ranks), special)
        try:
            self._encoding = tiktoken.Encoding(
                "gpt2", pat_str=pattern, mergeable_ranks=ranks, special_tokens=self.special_ids
            )
        except ValueError as error:
            raise ValueError(f"pattern: wanted a regular expression, got {pattern!r} ({error}); correct it") from None

    @property
    def facts(self) -> dict[str, Any]:
        """All but `ranks`, by the names of the constructor: `Tokenizer(ranks, **facts)` is the same tokenizer."""
        return {"pattern": self.pattern, "special": self.special, "always": self.always, "roles": self.roles}

    @property
    def n_vocab(self) -> int:
        """Ids in use: the tokens of `ranks`, the end-of-text token and the further special ones."""
        return len(self.ranks) + len(self.special_ids)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over the tokens in the order of their ids, and over what differs from GPT-2's pattern and
        special token: two tokenizers agree if and only if these do."""
        digest = hashlib.sha256()
        for token in sorted(self.ranks, key=self.ranks.__getitem__):
            digest.update(len(token).to_bytes(4, "big") + token)
        if self.pattern != PATTERN or self.special:
            digest.update(repr((self.pattern, self.special)).encode())
        if self.always:
            digest.update(repr(sorted(self.always)).encode())
        return digest.hexdigest()

    def encode(self, text: str, *, allowed_special: Collection[str] = ()) -> list[int]:
        """Ids of a text. The letters of a special token are text, unless `allowed_special` or `always` names it.

        Half a surrogate pair, which no UTF-8 can hold, is read as U+FFFD.
        """
        if self._is_long(text):
            return list(self._by_runs(text, self._special(allowed_special)))
        if not allowed_special and not self.always:
            return guarded(self.pattern, lambda: self._encoding.encode_ordinary(text))
        allowed = self._special(allowed_special)
        return guarded(
            self.pattern, lambda: self._encoding.encode(text, allowed_special=allowed, disallowed_special=())
        )

    def encode_array(self, text: str, *, allowed_special: Collection[str] = ()) -> np.ndarray:
        """The ids of `encode` as uint32, without a Python object for each."""
        allowed = self._special(allowed_special)
        if self._is_long(text):
            return np.fromiter(self._by_runs(text, allowed), dtype=np.uint32)

        def encoded(text: str) -> np.ndarray:
            return self._encoding.encode_to_numpy(text, allowed_special=allowed, disallowed_special=())

        try:
            return guarded(self.pattern, lambda: encoded(text))
        except UnicodeEncodeError:  # as tiktoken does for `encode`
            return guarded(self.pattern, lambda: encoded(without_surrogates(text)))

    def encode_batch(self, texts: Sequence[str], threads: int = 2) -> list[list[int]]:
        """Ids of many texts, over several threads."""
        texts = list(texts)
        if any(map(self._is_long, texts)):
            return [self.encode(text) for text in texts]
        if not self.always:
            return guarded(self.pattern, lambda: self._encoding.encode_ordinary_batch(texts, num_threads=threads))
        allowed, batch = set(self.always), self._encoding.encode_batch
        return guarded(
            self.pattern, lambda: batch(texts, num_threads=threads, allowed_special=allowed, disallowed_special=())
        )

    def _is_long(self, text: str) -> bool:
        return self.pattern == PATTERN and has_long_run(text)

    def _by_runs(self, text: str, allowed: set[str]) -> Iterator[int]:
        """Ids of a text with long runs of white space, each of which is encoded as the one piece that it is."""
        for part, is_piece in pieces(without_surrogates(text), allowed):
            if is_piece:
                yield from self._encoding._encode_single_piece(part)
            else:
                yield from self._encoding.encode(part, allowed_special=allowed, disallowed_special=())

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """The bytes behind ids. The end-of-text token has the bytes of its name. Ids from `n_vocab` on stand for
        nothing: a model's tables may be longer than its vocabulary. ValueError for ids below 0."""
        try:
            return self._encoding.decode_bytes(list(ids))
        except (KeyError, OverflowError):
            if negative := [i for i in ids if i < 0]:
                raise ValueError(f"ids: wanted values from 0 on, got {negative[0]}; give ids of tokens") from None
            return self._encoding.decode_bytes([i for i in ids if i < self.n_vocab])

    def offsets(self, ids: Sequence[int]) -> list[tuple[int, int]]:
        """Where each token begins and ends, in UTF-8 bytes of the text. ValueError as in `decode_bytes`."""
        ends = list(accumulate(len(self.decode_bytes([i])) for i in ids))
        return list(zip([0, *ends], ends, strict=False))

    def decode(self, ids: Sequence[int]) -> str:
        """The text behind ids; bytes that are no UTF-8 (a character cut in half) become U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def _special(self, names: Collection[str]) -> set[str]:
        if unknown := set(names) - self._encoding.special_tokens_set:
            raise ValueError(
                f"allowed_special: wanted a subset of {sorted(self._encoding.special_tokens_set)}, got "
                f"{sorted(unknown)}; other words are ordinary text"
            )
        return {*names, *self.always}

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        n_vocab: int,
        *,
        pattern: str = PATTERN,
        special: Sequence[str] = (),
        progress: Callable[[int], None] | None = None,
    ) -> "Tokenizer":
        """Learn the merges from texts: `n_vocab` ids in all, bytes, end-of-text and `special` tokens included.

        progress: called with the characters of each text as it is read. Deterministic. A text too short for that many
        merges gives fewer. The training itself is `rustbpe`'s. A `pattern` must mean the same to Rust's fancy-regex
        (here) and to Oniguruma (`tokenizers`, where others open the files).
        """
        least = 257 + len(special)
        if n_vocab < least:
            raise ValueError(
                f"n_vocab: wanted at least {least} (256 bytes and the special tokens), got {n_vocab}; ask for more"
            )
        cls({bytes([byte]): byte for byte in range(256)}, pattern=pattern, special=special)  # or it says what is wrong
        import rustbpe

        trainer = rustbpe.Tokenizer()
        trainer.train_from_iterator(cut_runs(_counted(texts, progress)), n_vocab - least + 256, pattern=pattern)
        ranks = {bytes(token): rank for token, rank in trainer.get_mergeable_ranks()}
        return cls(ranks, pattern=pattern, special=special)

    @classmethod
    def published(cls) -> "Tokenizer":
        """OpenAI's vocabulary of 50,257 ids: downloaded once, checksummed and cached by `tiktoken`."""
        try:
            encoding = tiktoken.get_encoding("gpt2")
        except Exception as error:  # requests' exceptions, of whatever version tiktoken brings
            raise OSError(
                f"published vocabulary: wanted tiktoken's cached copy or its download, got {type(error).__name__}; "
                f"go online once, or give a folder that holds vocab.json and merges.txt (or encoder.json and vocab.bpe)"
            ) from error
        return cls(encoding._mergeable_ranks)

    @classmethod
    def load(cls, folder: str | Path) -> "Tokenizer":
        """Read `vocab.json` and `merges.txt`, or OpenAI's `encoder.json` and `vocab.bpe`, from a folder, a model's or a
        run's among them; a pattern of its own and further special tokens from its `tokenizer.json`."""
        found = read_tokenizer(vocabulary_folder(folder))
        try:
            return cls(
                found.ranks, pattern=found.pattern, special=found.special, always=found.always, roles=found.roles
            )
        except ValueError as error:
            raise ValueError(f"{folder}: {error}") from None

    def save(self, folder: str | Path, *, n_ctx: int) -> None:
        """Write `vocab.json`, `merges.txt`, `tokenizer.json` and `tokenizer_config.json` as `transformers` reads them.

        n_ctx: the context of the model they belong to, which `transformers` wants to know.
        """
        write_vocabulary(expanded(folder), self.ranks, n_ctx, **self.facts)


def _spelled(name: str) -> bytes:
    """The token that files spell as `name`; nothing where there can be none."""
    try:
        return unspell(name)
    except KeyError:
        return b""


def _counted(texts: Iterable[str], progress: Callable[[int], None] | None) -> Iterator[str]:
    for text in texts:
        if progress is not None:
            progress(len(text))
        yield text
