"""A model folder: the Hugging Face GPT-2 layout itself, without a conversion step and without pickle."""

import json
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from .config import GPT2Config
from .model import GPT2
from .tensor_names import from_published, to_published
from .tokenizer import Tokenizer
from .vocabulary_files import NAMES

# Their name of each of our fields; every other key of a config.json must have the value that GPT-2 has.
_FIELDS = {
    "n_vocab": "vocab_size",
    "n_ctx": "n_positions",
    "n_embd": "n_embd",
    "n_head": "n_head",
    "n_layer": "n_layer",
}
_FIXED = {
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "tie_word_embeddings": (True,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
}


def save(folder: str | Path, model: GPT2, tokenizer: Tokenizer) -> None:
    """Write `config.json`, `generation_config.json`, `model.safetensors` and the tokenizer's files into a folder.

    `transformers.AutoModelForCausalLM.from_pretrained(folder)` opens it, and so does every tool that reads that layout.
    """
    if tokenizer.n_vocab > model.n_vocab:
        raise ValueError(
            f"tokenizer: wanted at most the model's {model.n_vocab} ids, got {tokenizer.n_vocab}; "
            f"save a model with the tokenizer it was trained with"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_model(folder, model, end_of_text=tokenizer.end_of_text)
    tokenizer.save(folder, n_ctx=model.n_ctx)


def save_model(folder: Path, model: GPT2, *, end_of_text: int) -> None:
    """The model's own files of `save`: the two configurations and the weights."""
    from safetensors.torch import save_file

    token = {"bos_token_id": end_of_text, "eos_token_id": end_of_text}
    _write_json(folder / "config.json", to_hugging_face(model.config) | token)
    _write_json(folder / "generation_config.json", token)
    state = {name: parameter.detach().cpu() for name, parameter in model.named_parameters()}
    save_file(to_published(state, model.config.n_layer), folder / "model.safetensors", metadata={"format": "pt"})


def load(source: str | Path, *, device: str | torch.device = "cpu") -> tuple[GPT2, Tokenizer]:
    """Model (in evaluation mode) and tokenizer from a model folder, or from the newest model of a run folder.

    Raises ValueError with what is wrong: no such folder, a file that is missing, an architecture that is not GPT-2's,
    weights that do not match the configuration.
    """
    folder = find_model(source)
    config = from_hugging_face(json.loads((folder / "config.json").read_text(encoding="utf-8")), folder)
    model = empty_model(config)
    load_weights(model, folder)
    return model.to(device).eval(), Tokenizer.load(folder)


def load_weights(model: GPT2, folder: Path) -> None:
    """Copy the weights of `folder/model.safetensors` into the parameters that exist."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    c = model.config
    try:
        tensors = load_file(folder / "model.safetensors")
    except (SafetensorError, FileNotFoundError) as error:
        raise ValueError(
            f"{folder / 'model.safetensors'}: wanted a safetensors file, got: {error}; copy or save the model again"
        ) from None
    state = from_published(tensors, c.n_layer, c.n_embd, c.n_vocab, c.n_ctx)
    with torch.no_grad():
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
        if (folder / "config.json").is_file():
            absent = [name for name in ("model.safetensors",) if not (folder / name).is_file()]
            if not any((folder / ids).is_file() and (folder / merges).is_file() for ids, merges in NAMES):
                absent += NAMES[0]
            if absent:
                raise ValueError(f"{folder}: wanted a whole model folder, got one without {', '.join(absent)}")
            return folder
    raise ValueError(
        f"{source}: wanted a model folder (config.json, model.safetensors, vocab.json, merges.txt) or a run folder, "
        f"got {'a folder without them' if source.is_dir() else 'no such folder'}; train one with `train`, or check "
        f"the path"
    )


def to_hugging_face(config: GPT2Config) -> dict[str, Any]:
    """The `config.json` of `transformers.GPT2LMHeadModel` for our configuration."""
    shape = {theirs: getattr(config, ours) for ours, theirs in _FIELDS.items()}
    dropout = {name: config.dropout for name in ("attn_pdrop", "embd_pdrop", "resid_pdrop")}
    fixed = {name: values[0] for name, values in _FIXED.items()}
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        **shape,
        "n_ctx": config.n_ctx,
        "n_inner": None,
        **dropout,
        "layer_norm_epsilon": config.layer_norm_epsilon,
        "initializer_range": 0.02,
        **fixed,
        "torch_dtype": "float32",
    }


def from_hugging_face(content: dict[str, Any], where: object = "config.json") -> GPT2Config:
    """Our configuration for a `config.json`; ValueError where it describes something else than GPT-2."""
    missing = [theirs for theirs in _FIELDS.values() if theirs not in content]
    if missing:
        raise ValueError(f"{where}: wanted a GPT-2's config.json, got one without {', '.join(missing)}")
    for name, allowed in _FIXED.items():
        if content.get(name, allowed[0]) not in allowed:
            raise ValueError(
                f"{where}: wanted {name} = {allowed[0]!r} as in GPT-2, got {content[name]!r}; that is another model"
            )
    if content.get("n_inner") not in (None, 4 * content["n_embd"]):
        raise ValueError(f"{where}: wanted n_inner = 4 n_embd as in GPT-2, got {content['n_inner']}")
    shape = {ours: content[theirs] for ours, theirs in _FIELDS.items()}
    return GPT2Config(
        **shape,
        dropout=content.get("resid_pdrop", 0.0),
        layer_norm_epsilon=content.get("layer_norm_epsilon", 1e-5),
    )


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")
