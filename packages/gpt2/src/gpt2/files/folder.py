"""A model folder: the Hugging Face GPT-2 layout itself, without a conversion step and without pickle."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from workbench import expanded, read_object, saved_over

from ..config import GPT2Config, checked_ends
from ..model import GPT2
from ..tokenizer.files import has_vocabulary
from ..tokenizer.tokenizer import Tokenizer
from .configuration import from_hugging_face, to_hugging_face
from .names import from_published, to_published
from .weights import INDEX, SHARD_BYTES, WEIGHTS, convert, open_tensors, read_tensors, write_tensors

_OF_A_MODEL = {WEIGHTS, INDEX, "added_tokens.json", "special_tokens_map.json", "encoder.json", "vocab.bpe"}


def save(
    folder: str | Path,
    model: GPT2,
    tokenizer: Tokenizer,
    *,
    dtype: torch.dtype | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write `config.json`, `generation_config.json`, `model.safetensors` and the tokenizer's files into a folder.

    `transformers.AutoModelForCausalLM.from_pretrained(folder)` opens it, and so does every tool that reads that layout.
    Over an earlier model: whole or not at all, written aside and swapped; what else lies there stays.
    dtype: of the weights on disk (default: as they are). shard_bytes: larger models are cut into files of that size.
    """
    if tokenizer.n_vocab > model.n_vocab:
        raise ValueError(
            f"tokenizer: wanted at most the model's {model.n_vocab} ids, got {tokenizer.n_vocab}; "
            f"save a model with the tokenizer it was trained with"
        )
    folder = expanded(folder).resolve()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: wanted a new folder or one to save over, got a file; name another")
    with saved_over(folder, stale=_is_stale) as staged:
        save_model(staged, model, end_of_text=tokenizer.end_of_text, dtype=dtype, shard_bytes=shard_bytes)
        tokenizer.save(staged, n_ctx=model.n_ctx)


def _is_stale(path: Path) -> bool:
    """Whether it is an earlier model's own, and would mislead beside a new one."""
    return path.name in _OF_A_MODEL or path.match("model-*-of-*.safetensors")


def save_model(
    folder: Path,
    model: GPT2,
    *,
    end_of_text: int,
    dtype: torch.dtype | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """The model's own files of `save`: the two configurations and the weights."""
    state = {name: parameter.detach().cpu() for name, parameter in model.named_parameters()}
    state = state if dtype is None else convert(state, dtype)
    kind = str(next(iter(state.values())).dtype).removeprefix("torch.")
    own = model.config.end_ids or (end_of_text,)
    token = {"bos_token_id": end_of_text, "eos_token_id": own[0] if len(own) == 1 else list(own)}
    write_tensors(folder, to_published(state, model.config.n_layer), shard_bytes)
    _write_json(folder / "config.json", to_hugging_face(model.config, kind) | token)
    _write_json(folder / "generation_config.json", token)


def load_folder(folder: Path) -> GPT2:
    """The model of a model folder, in float32; ValueError with what is wrong."""
    c = read_configuration(folder)
    tensors, compare = open_tensors(folder)
    with ThreadPoolExecutor(1) as beside:
        comparing = beside.submit(compare)
        try:
            state = from_published(tensors, c.n_layer, c.n_embd, c.n_vocab, c.n_ctx)  # first: c may say anything
            model = empty_model(c)
            fill(model, state)
        except ValueError:
            comparing.result()  # a damaged file says so, rather than what follows from it
            raise
        comparing.result()
    return model


def read_configuration(folder: Path) -> GPT2Config:
    """The configuration of a model folder; ValueError where it is no GPT-2's.

    Which ids end a text generation_config.json says before config.json, as in transformers.
    """
    path = folder / "config.json"
    config = from_hugging_face(read_object(path), folder)
    path = folder / "generation_config.json"
    if not path.is_file():
        return config
    try:
        own = read_object(path).get("eos_token_id")
        return config if own is None else config.replace(end_ids=checked_ends(own))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: wanted JSON with a sensible eos_token_id, got {error}; correct it") from None


def load_weights(model: GPT2, folder: Path) -> None:
    """Copy the weights of a folder's safetensors files into the parameters that exist."""
    c = model.config
    fill(model, from_published(read_tensors(folder), c.n_layer, c.n_embd, c.n_vocab, c.n_ctx))


@torch.no_grad()
def fill(model: GPT2, state: dict[str, Tensor]) -> None:
    """Copy tensors under our names into the parameters that exist, in their dtype."""
    for name, parameter in model.named_parameters():
        parameter.copy_(state[name])


def empty_model(config: GPT2Config) -> GPT2:
    """A model whose weights are allocated but not drawn: loading fills them."""
    with _Undrawn():
        return GPT2(config)


class _Undrawn(TorchFunctionMode):
    """Skips the drawing of weights. (The meta device and `to_empty` would do that too, but import seconds of torch.)"""

    def __torch_function__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        kwargs = kwargs or {}
        if getattr(function, "__name__", "") in ("normal_", "uniform_", "kaiming_uniform_"):
            return args[0] if args else kwargs["tensor"]
        return function(*args, **kwargs)


def find_model(source: str | Path) -> Path:
    """The model folder meant by `source`: itself, a run's `model/`, or a run's latest checkpoint."""
    source = Path(source)
    pointer = source / "checkpoints" / "latest"
    candidates = [source, source / "model"]
    if pointer.is_file():
        candidates.append(pointer.parent / pointer.read_text(encoding="utf-8").strip())
    for folder in candidates:
        if (folder / "quantization.json").is_file():
            raise ValueError(
                f"{folder}: wanted weights in float, got a quantized model; load it with the package quantization: "
                f"quantization.load(FOLDER), or `quantization generate FOLDER`"
            )
        if (folder / "config.json").is_file():
            absent = [] if any((folder / name).is_file() for name in (WEIGHTS, INDEX)) else [WEIGHTS]
            if not has_vocabulary(folder):
                absent += ["vocab.json", "merges.txt"]
            if absent:
                raise ValueError(
                    f"{folder}: wanted a whole model folder, got one without {', '.join(absent)}; copy what is missing "
                    "from where the model was made, or save it with its tokenizer by gpt2.save"
                )
            return folder
    if any((folder / "adapter_config.json").is_file() for folder in (source, source / "adapter")):
        raise ValueError(
            f"{source}: wanted a whole model, got an adapter, which says nothing without its base; merge them: "
            f"`finetuning merge {source} --out DIR`"
        )
    raise ValueError(
        f"{source}: wanted a model folder (config.json, model.safetensors, vocab.json, merges.txt) or a run folder, "
        f"got {'a folder without them' if source.is_dir() else 'no such folder'}; train one with `train`, or check "
        f"the path"
    )


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")
