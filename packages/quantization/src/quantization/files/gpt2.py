"""A quantized GPT-2 and its tokenizer as a folder."""

from dataclasses import asdict
from pathlib import Path

import torch

from gpt2 import GPT2, GPT2Config, Tokenizer, empty_model
from workbench import expanded, saved_over

from .folder import WEIGHTS, check_order, load_weights, packed, read_configuration, write_packed


def save(folder: str | Path, model: GPT2, tokenizer: Tokenizer) -> None:
    """Write a quantized model and its tokenizer. As with `gpt2.save`, an earlier one in that folder is replaced as a
    whole or not at all.

    Raises ValueError for a model in float (that is `gpt2.save`'s), TypeError for arguments in another order.
    """
    check_order("save(folder, model, tokenizer)", (folder, str | Path), (model, GPT2), (tokenizer, Tokenizer))
    contents = packed(model, {"gpt2": asdict(model.config)})
    with saved_over(expanded(folder).resolve(), stale=lambda path: False) as staged:
        write_packed(staged, contents)
        tokenizer.save(staged, n_ctx=model.n_ctx)


def load(folder: str | Path, *, device: str | torch.device = "cpu") -> tuple[GPT2, Tokenizer]:
    """A quantized model (in evaluation mode) and its tokenizer. Its weights never exist in float32.

    On the CPU they are the file itself, mapped into memory: do not change the file while the model is in use.
    Raises ValueError for a folder that is missing something, damaged, or no quantized GPT-2.
    """
    content = read_configuration(folder)
    try:
        config = GPT2Config(**content["gpt2"])
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{folder}: wanted a quantized GPT-2, got a configuration without one ({error!r}); for a model of your own "
            f"call load_weights(FOLDER, model)"
        ) from None
    _check_size(Path(folder) / WEIGHTS, config)  # before anything of that size is made
    with torch.device("meta"):
        model = empty_model(config)
    return load_weights(folder, model).to(device).eval(), Tokenizer.load(Path(folder))


def _check_size(path: Path, config: GPT2Config) -> None:
    """ValueError where a configuration describes many weights, and more than its file can hold at half a byte each."""
    n_bytes = path.stat().st_size if path.is_file() else 0
    if path.is_file() and config.n_parameters > max(4 * n_bytes, 10**7):
        raise ValueError(
            f"{path}: wanted the {config.n_parameters:,} weights of its configuration, got a file of {n_bytes:,} "
            f"bytes; do the two files belong together? Copy the folder again"
        )
