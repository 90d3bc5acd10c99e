"""From a text to what the loop eats: a tokenizer, training batches, and every byte of the held-out text once."""

import logging
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataio import Batches, Corpus, ShiftedWindows, TokenShards, TokenWindows, how_it_was_split, split_corpus
from trainkit import n_ranks, rank
from workbench import cache_folder, whole_folder

from ..recipes import Recipe
from ..tokenizer.documents import encode_documents
from ..tokenizer.tokenizer import Tokenizer

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingText:
    """Everything a run knows of its text."""

    name: str
    fingerprint: str
    """SHA-256 of the whole corpus, training and held-out part."""
    tokenizer: Tokenizer
    train: np.ndarray | TokenShards
    """Token ids; an end-of-text token stands before each document and at the end."""
    held_out: np.ndarray
    train_bytes: int
    held_out_bytes: int
    held_out_how: str = ""
    """What was held out, in words."""

    @property
    def title(self) -> str:
        """Its name, for those who read it."""
        return "Python's own documentation and sources" if self.name == "embedded" else self.name

    def batches(
        self, batch_size: int, n_ctx: int, seed: int, micro_batch_size: int | None, shifted: bool = False
    ) -> Batches:
        """The training windows in their order of all steps; shifted: beginning elsewhere in every pass."""
        if len(self.train) < n_ctx + 1:
            n_bytes = math.ceil(self.train_bytes * (n_ctx + 1) / max(1, len(self.train)))
            raise ValueError(
                f"text: wanted at least one window of {n_ctx} tokens and the one after it (here about {n_bytes:,} "
                f"bytes to learn from), got {self.train_bytes:,} byte{'s' * (self.train_bytes != 1)} from {self.name}; "
                "the text is too short, give more"
            )
        needed = (batch_size + 1) * n_ctx if shifted else batch_size * n_ctx + 1
        if len(self.train) < needed:
            raise ValueError(
                f"text: wanted at least {needed:,} tokens for one batch of {batch_size} windows of {n_ctx}, got "
                f"{len(self.train):,} from {self.name}; give more text, or a smaller --batch-size"
            )
        return Batches(
            ShiftedWindows(self.train, n_ctx) if shifted else TokenWindows(self.train, n_ctx),
            batch_size,
            seed=seed,
            drop_last=True,
            rank=rank(),
            world_size=n_ranks(),
            micro_batch_size=micro_batch_size,
        )

    def evaluation_batches(self, n_ctx: int, batch_size: int) -> Batches:
        """Non-overlapping windows over the held-out text: each of its tokens is a target once."""
        windows = TokenWindows(self.held_out, n_ctx, ragged=True)
        return Batches(windows, batch_size, shuffle=False, rank=rank(), world_size=n_ranks())


def text_in_memory(corpus: Corpus, recipe: Recipe, tokenizer: Tokenizer | str) -> TrainingText:
    """Split and encode a text that is read already. `tokenizer`: one, or own, published, or a folder."""
    train, held_out = split_corpus(corpus, recipe.held_out, recipe.held_out_from)
    chosen = chosen_tokenizer(tokenizer, train, recipe.config.n_vocab)
    return TrainingText(
        corpus.name,
        corpus.fingerprint,
        chosen,
        encode_documents(chosen, (document.text for document in train.documents)),
        encode_documents(chosen, (document.text for document in held_out.documents)),
        train.n_bytes,
        held_out.n_bytes,
        how_it_was_split(train, held_out),
    )


def chosen_tokenizer(source: Tokenizer | str, train: Corpus, n_vocab: int) -> Tokenizer:
    """The given one; own: trained on `train`, or kept from an earlier run; published; or that of a folder."""
    if isinstance(source, Tokenizer):
        return source
    if source == "published":
        return Tokenizer.published()
    if source != "own":
        return Tokenizer.load(source)
    kept: Path | None = None
    try:
        kept = cache_folder("tokenizers", f"{train.fingerprint[:20]}-{n_vocab}")
        return Tokenizer.load(kept)
    except ValueError as error:  # not there yet, or torn; or there is no home folder to keep it in
        if kept is None:
            logger.warning("the tokenizer cannot be kept for later runs: %s", error)
        tokenizer = Tokenizer.train((document.text for document in train.documents), n_vocab)
    if kept is None:
        return tokenizer
    try:
        with whole_folder(kept) as folder:
            tokenizer.save(folder, n_ctx=1024)
    except OSError as error:
        logger.warning("the tokenizer could not be kept for later runs: %s", error)
    return tokenizer
