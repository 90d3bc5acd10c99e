"""Vectors with their names, from a model's folder or a file of word vectors."""

from pathlib import Path
from typing import Any

from torch import Tensor

from workbench import read_utf8, require

from ..pictures.choices import TENSORS, Table
from ..words.files import read_vectors
from ..words.vectors import WordVectors
from .token_names import read_json, token_names


def read_source(source: str | Path, table: Table = "tokens") -> WordVectors:
    """The vectors of `source`, float32, each with its word.

    A folder is a model in the Hugging Face layout: the tensor `wte.weight` (tokens) or `wpe.weight` (positions), with
    or without the prefix `transformer.`, is read straight from its safetensors files, whole or in shards. Tokens are
    named by vocab.json or tokenizer.json, a row that neither names by its id; positions are named by number. A file is
    read by `read_vectors`. ValueError for anything else. A folder needs the extra `plots`.
    """
    path = Path(source)
    if path.is_dir():
        vectors = read_tensor(path, TENSORS[table])
        names = token_names(path) if table == "tokens" else {row: str(row) for row in range(len(vectors))}
        return WordVectors(tuple(names.get(row, f"<id {row}>") for row in range(len(vectors))), vectors)
    if not path.is_file() or path.suffix in {".safetensors", ".bin", ".pt"}:
        raise ValueError(
            f"wanted a model's folder with safetensors files, or a text file of word vectors, got {path}, "
            f"{'a file of weights' if path.is_file() else 'which is not there'}; give the folder, such as RUN/model"
        )
    if table != "tokens":
        raise ValueError(f"wanted the folder of a model to take {table} from, got the file {path}; ask for its tokens")
    return read_vectors(path)


def read_tensor(folder: Path, name: str) -> Tensor:
    """The tensor `name`, or `transformer.` and `name`, as float32; nothing else of the model is read."""
    files = tensor_files(folder)
    for full_name in (name, f"transformer.{name}"):
        if full_name in files:
            with open_tensors(files[full_name]) as opened:
                return opened.get_tensor(full_name).float()
    raise ValueError(
        f"wanted a tensor {name} in {folder}, got {len(files)} tensors, such as {', '.join(list(files)[:3])}; "
        "give a model with GPT-2's tensor names"
    )


def tensor_files(folder: Path) -> dict[str, Path]:
    """The file that holds each tensor of a model: its only one, or what the index of its shards says."""
    index, single = folder / "model.safetensors.index.json", folder / "model.safetensors"
    if index.is_file():
        return {name: folder / shard for name, shard in read_json(index, "weight_map").items()}
    if not single.is_file():
        raise ValueError(
            f"wanted model.safetensors, or shards with model.safetensors.index.json, in {folder}, got neither; "
            "give the folder that training wrote, such as RUN/model"
        )
    with open_tensors(single) as opened:
        return dict.fromkeys(opened.keys(), single)


def open_tensors(path: Path) -> Any:
    """A safetensors file, of which only the list of tensors is read yet."""
    safetensors = require("safetensors", "embeddings", "plots")
    try:
        return safetensors.safe_open(path, framework="pt")
    except safetensors.SafetensorError as error:
        raise ValueError(f"wanted a whole safetensors file, got {path}: {error}; fetch or save it again") from None


def read_words(path: Path) -> tuple[tuple[str, ...], list[str] | None]:
    """The words of a UTF-8 file, one a line, and the groups after a tab; None where no line has one. ValueError for a
    file that is empty or no UTF-8, or for a group on some lines only."""
    lines = [line for line in read_utf8(path, "words").splitlines() if line]
    rows = [line.split("\t") for line in lines]
    widths = {len(row) for row in rows}
    if widths not in ({1}, {2}):
        raise ValueError(
            f"wanted a word a line, or a word, a tab and its group on every line, got {len(lines)} lines with "
            f"{sorted(widths)} fields in {path}; mend the file"
        )
    return tuple(row[0] for row in rows), [row[1] for row in rows] if widths == {2} else None
