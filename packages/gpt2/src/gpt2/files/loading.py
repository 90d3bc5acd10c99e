"""`load`: one word for every place and format that a GPT-2 comes in."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from workbench import expanded

from ..config import GPT2Config
from ..model import GPT2
from ..tokenizer.files import has_vocabulary
from ..tokenizer.tokenizer import Tokenizer
from .folder import empty_model, fill, find_model, load_folder
from .hub import download, repository
from .llm_c import read_llm_c
from .nanogpt import read_nanogpt
from .weights import convert

Reader = Callable[[Path], tuple[GPT2Config, dict[str, Tensor]]]
READERS: dict[str, Reader] = {".pt": read_nanogpt, ".bin": read_llm_c}
"""Checkpoint files by their suffix: nanoGPT's and llm.c's."""


def load(
    source: str | Path,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    revision: str | None = None,
    tokenizer: Tokenizer | str | Path | None = None,
) -> tuple[GPT2, Tokenizer]:
    """Model (in evaluation mode) and tokenizer from wherever they are.

    source: a model folder; a run folder (its newest model); nanoGPT's `ckpt.pt`; llm.c's `.bin`; or the name of a
    Hugging Face repository, `NAME` or `NAME@REVISION` (needs the extra `hub`, reads safetensors only).
    tokenizer: one, or a folder with one; default the source's. Checkpoint files bring none: then the vocabulary files
    beside them count, or the published vocabulary where the model has its size.

    Raises ValueError with what is wrong: no such folder, a file that is missing or damaged, an architecture that is
    not GPT-2's, weights that do not match the configuration. OSError where a download fails.
    """
    place = source_folder(source, revision)
    with ThreadPoolExecutor(1) as beside:  # Python reads the tokenizer, while threads of C copy and compare weights
        reading = beside.submit(_tokenizer, tokenizer, place)
        model = load_model(place)
        found = reading.result() or _published(place, model.n_vocab)
    if dtype != torch.float32:
        convert(dict(model.named_parameters()), dtype)
    return model.to(device, dtype).eval(), found


def load_model(place: Path) -> GPT2:
    """The model of a model folder or a checkpoint file, in float32."""
    if place.is_dir():
        return load_folder(place)
    config, state = READERS[place.suffix](place)
    model = empty_model(config)
    fill(model, state)
    return model


def source_folder(source: str | Path, revision: str | None = None) -> Path:
    """The folder or checkpoint file meant by `source`, downloaded if it is a name on the hub."""
    source = str(expanded(source)) if str(source).startswith("~") else source
    if Path(source).is_file():
        if Path(source).suffix not in READERS:
            raise ValueError(
                f"{source}: wanted a model folder, or a file {' or '.join(READERS)} of nanoGPT or llm.c, got a file "
                f"{Path(source).suffix or 'without suffix'}; give the folder that it lies in"
            )
        return Path(source)
    named = repository(source) if isinstance(source, str) else None
    if named is None:
        return find_model(source)
    return find_model(download(named[0], revision or named[1]))


def _tokenizer(given: Tokenizer | str | Path | None, place: Path) -> Tokenizer | None:
    if isinstance(given, Tokenizer):
        return given
    beside = place if place.is_dir() else place.parent
    if given is not None or has_vocabulary(beside):
        return Tokenizer.load(beside if given is None else given)
    return None


def _published(place: Path, n_vocab: int) -> Tokenizer:
    # nanoGPT rounds 50,257 up to 50,304.
    if n_vocab not in (50_257, 50_304):
        raise ValueError(
            f"{place}: wanted vocab.json and merges.txt beside it, since its {n_vocab} ids are not the published "
            f"vocabulary, got neither; name the folder of its tokenizer (in Python: tokenizer=FOLDER)"
        )
    return Tokenizer.published()
