"""Vectors with their names, from a model's folder or a file of word vectors."""

from pathlib import Path
from typing import Any

from torch import Tensor

from workbench import expanded, read_utf8, require, split_lines

from ..pictures.choices import TENSORS, Table
from ..words.files import read_vectors
from ..words.vectors import WordVectors
from .token_names import read_json, token_names

MODEL_FILES = ("model.safetensors.index.json", "model.safetensors")


def read_source(source: str | Path, table: Table = "tokens") -> WordVectors:
    """The vectors of `source`, float32, each with its word.

    A folder is a model in the Hugging Face layout, or a run with one in `model`: the tensor `wte.weight` (tokens) or
    `wpe.weight` (positions), with or without the prefix `transformer.`, is read straight from its safetensors files,
    whole or in shards. Tokens are named by vocab.json or tokenizer.json, a row that neither names by its id; positions
    are named by number. A file is read by `read_vectors`. ValueError for anything else. A folder needs the extra
    `plots`.
    """
    path = expanded(source)
    if path.is_dir():
        path = model_of(path)
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


def model_of(folder: Path) -> Path:
    """The model's folder: the one given, or `model` in that of a run of training."""
    has_model = any((folder / name).is_file() for name in MODEL_FILES)
    inner = folder / "model"
    return inner if not has_model and any((inner / name).is_file() for name in MODEL_FILES) else folder


def read_tensor(folder: Path, name: str) -> Tensor:
    """The tensor `name`, or `transformer.` and `name`, as float32; nothing else of the model is read."""
    files = tensor_files(folder)
    for full_name in (name, f"transformer.{name}"):
        if full_name in files:
            with open_tensors(files[full_name]) as opened:
                return checked(opened, full_name, files[full_name])
    raise ValueError(
        f"wanted a tensor {name} in {folder}, got {len(files)} tensors, such as {', '.join(list(files)[:3])}; "
        "give a model with GPT-2's tensor names"
    )


def checked(opened: Any, name: str, path: Path) -> Tensor:
    """A tensor of an open file as float32; ValueError where it is no table of numbers, or not in that file."""
    if name not in opened.keys():  # noqa: SIM118, for what is opened is no dict
        raise ValueError(f"wanted a tensor {name} in {path}, as the index of the shards says, got none; fetch it again")
    tensor = opened.get_tensor(name)
    if tensor.ndim != 2 or not tensor.is_floating_point():
        raise ValueError(
            f"wanted a table of vectors as {name} in {path}, got {tensor.dtype} {list(tensor.shape)}; give a model "
            "whose weights are floating-point numbers"
        )
    return tensor.float()


def tensor_files(folder: Path) -> dict[str, Path]:
    """The file that holds each tensor of a model: its only one, or what the index of its shards says."""
    index, single = (folder / name for name in MODEL_FILES)
    if index.is_file():
        shards = read_json(index, "weight_map")
        if wrong := [shard for shard in shards.values() if not isinstance(shard, str) or Path(shard).name != shard]:
            raise ValueError(f"wanted names of files in {folder} in {index}, got {wrong[0]!r:.60}; fetch it again")
        return {name: folder / shard for name, shard in shards.items()}
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
    lines = [line for line in split_lines(read_utf8(expanded(path), "words")) if line]
    rows = [line.split("\t") for line in lines]
    widths = {len(row) for row in rows}
    if widths not in ({1}, {2}):
        raise ValueError(
            f"wanted a word a line, or a word, a tab and its group on every line, got {len(lines)} lines with "
            f"{sorted(widths)} fields in {path}; mend the file"
        )
    return tuple(row[0] for row in rows), [row[1] for row in rows] if widths == {2} else None
