"""What `--text` may name, and how it is held: a text that fits is read into memory, a larger one becomes token files.

Plain files, folders and globs; JSON lines and Parquet with a document a record; datasets of the Hugging Face hub.
"""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataio import (
    Corpus,
    Document,
    TextStream,
    TokenShards,
    embedded_text,
    is_record_file,
    read_shards,
    read_text,
    split_stream,
    stream_text,
    text_paths,
    write_shards,
)
from workbench import cache_folder

from ..recipes import Recipe
from ..tokenizer.tokenizer import Tokenizer
from .prepared import TrainingText, chosen_tokenizer, text_in_memory

logger = logging.getLogger(__name__)

IN_MEMORY = 250_000_000
"""Bytes of text that are read into memory: with tokens and splitting a run holds about four times as much."""
PACKED = 4
"""Bytes of text in a byte of a compressed file, about."""
SAMPLE = 20_000_000
"""Bytes of text that a tokenizer of a larger text learns from: the first ones."""
HELD_OUT = 5_000_000
"""Bytes of a larger text that are held out at most: every evaluation reads all of them."""


@dataclass(frozen=True)
class LargeText:
    """More text than memory should hold: a stream that is read to write its token files, and about how long it is."""

    stream: TextStream
    n_bytes: int | None
    """None where only reading it would tell."""

    @property
    def name(self) -> str:
        return self.stream.name


def source_text(text: str | None, field: str | None = None) -> Corpus | LargeText:
    """The text a run learns from: that which comes with Python, files, a folder, a glob, or hf://datasets/OWNER/NAME.

    field: of JSON lines and Parquet, the one that holds the text (default: text).
    """
    if text is None:
        return embedded_text()
    if text.startswith("hf://"):
        return LargeText(stream_text(text, field=field or "text"), None)
    paths = text_paths(text)
    records = [path for path in paths if is_record_file(path)]
    n_bytes = sum(path.stat().st_size * (PACKED if path.suffix in (".gz", ".parquet") else 1) for path in paths)
    if field is not None and not records:
        raise ValueError(
            f"--field: wanted JSON lines or Parquet in {text}, got {len(paths)} files of plain text; leave --field out"
        )
    if n_bytes > IN_MEMORY:
        return LargeText(stream_text(text, field=field or "text"), n_bytes)
    if not records:
        return read_text(text)
    return Corpus(text, tuple(stream_text(text, field=field or "text")))


def n_bytes_of(text: str | None, field: str | None = None) -> int:
    """How long a text is for a recipe that goes by that: of a data set of the hub only reading it would tell, and it
    counts as more than memory should hold."""
    on_hub = text is not None and text.startswith("hf://")
    return IN_MEMORY if on_hub else source_text(text, field).n_bytes or IN_MEMORY


def new_text(source: Corpus | LargeText, recipe: Recipe, tokenizer: Tokenizer | str) -> TrainingText:
    """A text split and encoded, ready to learn from. `tokenizer`: one, or own (trained on the text), published, or a
    folder."""
    if isinstance(source, Corpus):
        return text_in_memory(source, recipe, tokenizer)
    held_out = recipe.held_out if source.n_bytes is None else min(recipe.held_out, HELD_OUT / source.n_bytes)
    learn, judge = split_stream(source.stream, held_out, recipe.held_out_from)
    chosen = tokenizer
    if isinstance(chosen, str):
        chosen = chosen_tokenizer(chosen, _sample(learn), recipe.config.n_vocab)
    end = "-end" if recipe.held_out_from == "end" else ""
    folder = cache_folder("tokens", f"{source.stream.identity[:20]}-{chosen.fingerprint[:12]}-{held_out!r}{end}")
    train, held = (_tokens(side, chosen, folder / name) for side, name in ((learn, "train"), (judge, "held-out")))
    content = train.manifest["fingerprint"] + held.manifest["fingerprint"]
    return TrainingText(
        f"{source.name} (token files in {folder})",
        hashlib.sha256(content.encode()).hexdigest(),
        chosen,
        train,
        # As in memory, the end of a text stands before the first document too: then every token of it is a target.
        np.concatenate([np.array([chosen.end_of_text], dtype=held.dtype), held[:]]),
        train.manifest["n_bytes"],
        held.manifest["n_bytes"],
        "pieces from all over" if recipe.held_out_from == "everywhere" else "the end of each file, or whole documents",
    )


def _sample(stream: TextStream) -> Corpus:
    documents: list[Document] = []
    size = 0
    for document in stream:
        documents.append(document)
        size += len(document.text.encode())
        if size >= SAMPLE:
            break
    return Corpus(stream.name, tuple(documents))


def _tokens(stream: TextStream, tokenizer: Tokenizer, folder: Path) -> TokenShards:
    """The token files of a stream: those that are there, if their checksums are right, or written now; a killed writer
    is resumed, and a damaged file written again."""
    try:
        shards = read_shards(folder, verify=True)
        if shards.manifest["complete"] and shards.manifest.get("identity") == stream.identity:
            return shards
    except (FileNotFoundError, ValueError):
        logger.info("writing the tokens of %s to %s; later runs read them there", stream.name, folder)
    for _ in write_shards(
        stream,
        tokenizer.encode_array,
        folder,
        n_vocab=tokenizer.n_vocab,
        tokenizer=tokenizer.fingerprint,
        end_of_text=tokenizer.end_of_text,
    ):
        pass
    return read_shards(folder)
