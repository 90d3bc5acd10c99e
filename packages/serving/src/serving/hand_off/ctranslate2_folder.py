"""A model as a folder of CTranslate2, whose library writes it from a specification that is filled here.

The specification is that of CTranslate2's documented Python interface (`ctranslate2.specs`); its converter for
`transformers` fills the same one, but needs `transformers`, and as many tokens as the model has rows.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gpt2 import GPT2, Tokenizer
from workbench import require, whole_folder

from .gguf_file import tokens_of
from .probe import CLOSE, Agreement, agreement, logits_of, probe_ids

KINDS = ("float32", "float16", "int8")


def write_ctranslate2(folder: Path, model: GPT2, tokenizer: Tokenizer, weights: str = "float32") -> None:
    """Write `model.bin`, `config.json` and `vocabulary.json`, whole or not at all; needs the extra `ctranslate2`.

    weights: "float32", "float16" or "int8" (a scale for each row of a matrix).
    Raises ValueError where the model has more than one id that ends a text: CTranslate2's configuration holds one.
    """
    require("ctranslate2", "serving", "ctranslate2")
    names = tokens_of(model, tokenizer)[0]
    ends = tuple(model.config.end_ids or (tokenizer.end_of_text,))
    if len(ends) > 1 or ends[0] >= len(names):
        raise ValueError(
            f"end_ids: wanted one id of the vocabulary that ends a text, got {ends}; hand it to vllm instead"
        )
    spec = filled_specification(model)
    spec.register_vocabulary(names)
    spec.config.bos_token = spec.config.unk_token = names[tokenizer.end_of_text]
    spec.config.eos_token = names[ends[0]]
    spec.config.layer_norm_epsilon = model.config.layer_norm_epsilon
    spec.validate()
    spec.optimize(quantization=None if weights == "float32" else weights)
    with whole_folder(folder) as aside:
        spec.save(str(aside))


def filled_specification(model: GPT2) -> Any:
    """CTranslate2's description of a pre-norm decoder, with our weights as its variables."""
    specs = require("ctranslate2.specs", "serving", "ctranslate2")
    activations = {"gelu_tanh": specs.common_spec.Activation.GELUTanh, "gelu": specs.common_spec.Activation.GELU}
    config = model.config
    spec = specs.TransformerDecoderModelSpec.from_config(
        config.n_layer, config.n_head, pre_norm=True, activation=activations[config.activation]
    )
    # Copies: CTranslate2 quantizes in place, and would change the model that they belong to.
    weights = {name: tensor.detach().cpu().float().numpy().copy() for name, tensor in model.named_parameters()}
    decoder = spec.decoder
    decoder.scale_embeddings = False
    decoder.embeddings.weight = decoder.projection.weight = weights["token_embedding.weight"]
    decoder.position_encodings.encodings = weights["position_embedding.weight"]
    norm(decoder.layer_norm, weights, "final_norm")
    for number, layer in enumerate(decoder.layer):
        for place, ours in parts(layer, f"decoder.blocks.{number}"):
            (norm if ours.endswith("norm") else linear)(place, weights, ours)
    return spec


def parts(layer: Any, block: str) -> Iterator[tuple[Any, str]]:
    """The parts of one of its layers, and our names of the same."""
    yield layer.self_attention.layer_norm, f"{block}.attention_norm"
    yield layer.self_attention.linear[0], f"{block}.attention.qkv"
    yield layer.self_attention.linear[1], f"{block}.attention.out"
    yield layer.ffn.layer_norm, f"{block}.feed_forward_norm"
    yield layer.ffn.linear_0, f"{block}.feed_forward.up"
    yield layer.ffn.linear_1, f"{block}.feed_forward.down"


def norm(place: Any, weights: dict[str, np.ndarray], name: str) -> None:
    place.gamma, place.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]


def linear(place: Any, weights: dict[str, np.ndarray], name: str) -> None:
    place.weight, place.bias = weights[f"{name}.weight"], weights[f"{name}.bias"]


def check_ctranslate2(folder: Path, model: GPT2, tokenizer: Tokenizer, weights: str = "float32") -> Agreement:
    """Open the folder with CTranslate2 on one thread of the CPU, and compare its logits on the probe text with ours.

    Raises ValueError where they are further apart than the kind of weights explains.
    """
    ctranslate2 = require("ctranslate2", "serving", "ctranslate2")
    theirs = ctranslate2.Generator(str(folder), device="cpu", compute_type="default", intra_threads=1)
    ids, names = probe_ids(model, tokenizer), tokens_of(model, tokenizer)[0]
    logits = theirs.forward_batch([[names[id] for id in ids]])
    return agreement(logits_of(model, ids), np.array(logits, dtype=np.float32)[0], CLOSE[weights])
