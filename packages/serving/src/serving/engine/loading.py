"""Models from wherever they are, ready to answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

import gpt2
from decoding import Batch, GenerationSettings, Vocabulary, read_settings
from tensors import PackedWeights, move_to_huge_pages
from workbench import read_object, require

from ..identity import digests_of, facts_of_run, system_fingerprint
from ..status import Served
from .exactness import is_exact

Precision = Literal["float32", "bfloat16", "float16"]
TEMPLATE_FILE = "chat_template.jinja"


@dataclass(frozen=True)
class Loaded:
    """One model with all that decoding needs of it."""

    served: Served
    model: Any
    tokenizer: Any
    vocabulary: Vocabulary
    batch: Batch
    packed: PackedWeights


def load(
    name: str, source: str, *, rows: int, precision: Precision = "float32", cache: Literal["int8"] | None = None
) -> Loaded:
    """The model behind `source` (what `gpt2.load` or `quantization.load` reads, a run folder too) with a cache for
    `rows` rows. ValueError and OSError as those raise them; ValueError for a precision that a quantized model has not.
    """
    folder = Path(source)
    if (folder / "quantization.json").is_file():
        if precision != "float32":
            raise ValueError(
                f"wanted precision float32 for the quantized model {source}, got {precision}; leave it out"
            )
        quantization = require("quantization", "serving", "quantization")
        model, tokenizer = quantization.load(folder)
        parts, kind = digests_of(folder), "quantized"
    else:
        model, tokenizer = gpt2.load(source, dtype=getattr(torch, precision))
        parts, kind = gpt2.fingerprint(source), precision
    move_to_huge_pages(model)
    return loaded(name, source, model, tokenizer, parts=parts, precision=kind, rows=rows, cache=cache)


def loaded(
    name: str,
    source: str,
    model: Any,
    tokenizer: Any,
    *,
    parts: Mapping[str, str],
    precision: str,
    rows: int,
    cache: Literal["int8"] | None = None,
    packed: PackedWeights | None = None,
    parent: Served | None = None,
    template: str | None = None,
) -> Loaded:
    """The same of a model that is there already; `parts` are digests that tell it from others. Of a model made from a
    `parent`, whose tokenizer it has, settings are the parent's, and so is the chat template where it has no own one.
    """
    vocabulary = Vocabulary.of(model, tokenizer).within(model.n_vocab)
    packed = PackedWeights() if packed is None else packed
    batch = Batch(
        model,
        max_rows=rows,
        end_of_text=vocabulary,
        decode_bytes=tokenizer.decode_bytes,
        pack=packed,
        exact=True,
        cache_dtype=torch.int8 if cache == "int8" else None,
    )
    place = folder_of(source) if parent is None else None
    bits, data = facts_of_run(source) if parent is None else (None, None)
    defaults = GenerationSettings() if place is None else read_settings_of(place)
    template = template_of(place) if place is not None else template
    decides = {**parts, "precision": precision, "cache": cache or "", "threads": str(torch.get_num_threads())}
    served = Served(
        name=name,
        source=source,
        n_ctx=model.n_ctx,
        n_vocab=model.n_vocab,
        parameters=sum(parameter.numel() for parameter in {*model.parameters(), *buffers_of(model)}),
        precision=precision,
        exact=is_exact(batch),
        system_fingerprint=system_fingerprint(decides),
        tokenizer=tokenizer,
        defaults=defaults if parent is None else parent.defaults,
        bits_per_byte=bits,
        data_fingerprint=data,
        chat_template=template or (parent.chat_template if parent else None),
        parent=parent.name if parent else None,
    )
    return Loaded(served, model, tokenizer, vocabulary, batch, packed)


def buffers_of(model: torch.nn.Module) -> list[torch.Tensor]:
    """Weights that are no parameters, as those of quantized layers."""
    return [buffer for name, buffer in model.named_buffers() if name.endswith("weight")]


def folder_of(source: str) -> Path | None:
    """The folder that holds the model, where it is on this machine: itself, a run's `model/`, or a checkpoint of it."""
    if not Path(source).is_dir():
        return None
    if (Path(source) / "quantization.json").is_file():
        return Path(source)
    from gpt2.files.folder import find_model

    return find_model(source)


def read_settings_of(folder: Path) -> GenerationSettings:
    """Those of its generation_config.json, where it has one."""
    return read_settings(folder) if (folder / "generation_config.json").is_file() else GenerationSettings()


def template_of(folder: Path) -> str | None:
    """The chat template of a folder, if there is one: a file of its own, or in the tokenizer's configuration, where
    transformers kept it before, and `finetuning` does; of several there, the one that is called default."""
    if (folder / TEMPLATE_FILE).is_file():
        return (folder / TEMPLATE_FILE).read_text(encoding="utf-8")
    configuration = folder / "tokenizer_config.json"
    found = read_object(configuration).get("chat_template") if configuration.is_file() else None
    if isinstance(found, list):
        named = {one.get("name"): one.get("template") for one in found if isinstance(one, dict)}
        found = named.get("default")
    return found if isinstance(found, str) else None
