"""Which model stands at a path: a file of results that is resumed must not be finished by another one."""

from dataclasses import asdict
from pathlib import Path

from workbench import digest, file_digest

from ..tokenizer.files import has_vocabulary
from ..tokenizer.tokenizer import Tokenizer
from .folder import read_configuration
from .loading import source_folder
from .weights import CHECKSUM, INDEX, WEIGHTS, read_index


def fingerprint(source: str | Path, revision: str | None = None) -> dict[str, str]:
    """Digests of the `weights`, the `config` and the `tokenizer` behind a source of `load`, which is not loaded.

    Of a checkpoint file the weights' digest speaks for the configuration in it. Weights that were saved here are known
    by the checksum in their headers, which `load` compares with the tensors; of others all bytes are read. Raises as
    `load` does for a source that is no model.
    """
    place = source_folder(source, revision)
    if not place.is_dir():
        return {"weights": file_digest(place), "tokenizer": _tokenizer(place.parent)}
    return {
        "weights": weights_digest(place),
        "config": digest(asdict(read_configuration(place))),
        "tokenizer": _tokenizer(place),
    }


def weights_digest(folder: Path) -> str:
    """The digest of the weights in a folder: of one safetensors file, or of all that its index names."""
    one = (folder / WEIGHTS).is_file() or not (folder / INDEX).is_file()
    names = [WEIGHTS] if one else sorted(set(read_index(folder).values()))
    return digest([_file(folder / name) for name in names])


def _file(path: Path) -> str:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            recorded = (file.metadata() or {}).get(CHECKSUM)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: wanted a safetensors file, got: {error}; copy or save the model again") from None
    return recorded or file_digest(path)


def _tokenizer(folder: Path) -> str:
    tokenizer = Tokenizer.load(folder) if has_vocabulary(folder) else Tokenizer.published()
    return digest(tokenizer.fingerprint)
