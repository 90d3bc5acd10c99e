"""Our parameter names and the published ones: one table, read in both directions.

The published projections are stored [in, out] (TensorFlow's `conv1d`, `Conv1D` in transformers), `torch.nn.Linear`
stores [out, in]: those are transposed.
"""

from collections.abc import Mapping

from torch import Tensor

# ours, published, transposed; "#" stands for the number of the layer
TABLE = (
    ("token_embedding.weight", "wte.weight", False),
    ("position_embedding.weight", "wpe.weight", False),
    ("decoder.blocks.#.attention_norm", "h.#.ln_1", False),
    ("decoder.blocks.#.attention.qkv", "h.#.attn.c_attn", True),
    ("decoder.blocks.#.attention.out", "h.#.attn.c_proj", True),
    ("decoder.blocks.#.feed_forward_norm", "h.#.ln_2", False),
    ("decoder.blocks.#.feed_forward.up", "h.#.mlp.c_fc", True),
    ("decoder.blocks.#.feed_forward.down", "h.#.mlp.c_proj", True),
    ("final_norm", "ln_f", False),
)
PREFIX = "transformer."
CLASSIFIER = "score.weight"
"""What `transformers.GPT2ForSequenceClassification` has in place of the head."""


def published_names(n_layer: int) -> dict[str, tuple[str, bool]]:
    """Our name of every parameter, with its published name (without `transformer.`) and whether it is transposed."""
    names = {}
    for ours, theirs, transposed in TABLE:
        for layer in range(n_layer if "#" in ours else 1):
            left, right = ours.replace("#", str(layer)), theirs.replace("#", str(layer))
            if ours.endswith(".weight"):
                names[left] = (right, False)
            else:
                names[f"{left}.weight"] = (f"{right}.weight", transposed)
                names[f"{left}.bias"] = (f"{right}.bias", False)
    return names


def to_published(state: Mapping[str, Tensor], n_layer: int) -> dict[str, Tensor]:
    """Our state under the names and in the orientation of a Hugging Face GPT-2, contiguous."""
    names = published_names(n_layer)
    return {
        PREFIX + theirs: (state[ours].T if transposed else state[ours]).contiguous()
        for ours, (theirs, transposed) in names.items()
    }


def from_published(
    tensors: Mapping[str, Tensor], n_layer: int, n_embd: int, n_vocab: int, n_ctx: int, *, as_linear: bool = False
) -> dict[str, Tensor]:
    """A Hugging Face GPT-2's tensors under our names; views, nothing is copied.

    Both spellings on the hub are read: with and without `transformer.`. The causal-mask buffers of old files
    (`attn.bias`, `attn.masked_bias`) are not weights and are left out, and so is a `lm_head.weight` that equals the
    token embedding. as_linear: the projections lie [out, in], as nanoGPT and llm.c keep them.
    Raises ValueError listing every missing, unexpected or mis-shaped tensor.
    """
    given = {name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()}
    given = {name: tensor for name, tensor in given.items() if not name.endswith((".attn.bias", ".attn.masked_bias"))}
    head = given.pop("lm_head.weight", None)
    if head is not None and "wte.weight" in given and not head.equal(given["wte.weight"]):
        raise ValueError(
            "lm_head.weight: wanted the token embedding wte.weight again (GPT-2's head is tied), got other values; "
            "this model is not GPT-2's architecture"
        )
    if CLASSIFIER in given:
        raise ValueError(
            f"tensors: wanted a language model, got a classifier, whose {CLASSIFIER} answers in place of a head; "
            "`finetuning label` labels texts with it"
        )
    check_layers(given, n_layer)
    names = published_names(n_layer)
    wanted = {theirs: published_shape(theirs, n_embd, n_vocab, n_ctx) for theirs, _ in names.values()}
    if as_linear:
        wanted |= {theirs: wanted[theirs][::-1] for theirs, transposed in names.values() if transposed}
    problems = [f"missing {name}" for name in wanted if name not in given]
    problems += [f"unexpected {name} {tuple(given[name].shape)}" for name in given if name not in wanted]
    problems += [
        f"{name} has shape {tuple(given[name].shape)} instead of {shape}"
        for name, shape in wanted.items()
        if name in given and tuple(given[name].shape) != shape
    ]
    if problems:
        raise ValueError(
            f"tensors: wanted the {len(wanted)} of a GPT-2 with {n_layer} layers of width {n_embd}, got "
            f"{len(problems)} that differ: {'; '.join(problems)}; do config.json and the weights belong together?"
        )
    return {
        ours: given[theirs].T if transposed and not as_linear else given[theirs]
        for ours, (theirs, transposed) in names.items()
    }


def check_layers(tensors: Mapping[str, Tensor], n_layer: int) -> None:
    """ValueError where there are fewer tensors than so many layers have, before anything of that size is made; and for
    weights that are no floating-point numbers."""
    if len(tensors) < n_layer:
        raise ValueError(
            f"tensors: wanted those of a GPT-2 with {n_layer} layers, got {len(tensors)} in all; do config.json "
            f"and the weights belong together?"
        )
    if whole := [name for name, tensor in tensors.items() if not tensor.dtype.is_floating_point]:
        raise ValueError(
            f"tensors: wanted floating-point weights, got {whole[0]} in {tensors[whole[0]].dtype}; that is another "
            f"format, such as a quantized model's"
        )


def published_shape(name: str, c: int, n_vocab: int, n_ctx: int) -> tuple[int, ...]:
    """The shape of the tensor with that published name; `c` is n_embd."""
    shapes = {
        "wte.weight": (n_vocab, c),
        "wpe.weight": (n_ctx, c),
        "c_attn.weight": (c, 3 * c),
        "c_attn.bias": (3 * c,),
        "attn.c_proj.weight": (c, c),
        "c_fc.weight": (c, 4 * c),
        "c_fc.bias": (4 * c,),
        "mlp.c_proj.weight": (4 * c, c),
    }
    return next((shape for ending, shape in shapes.items() if name.endswith(ending)), (c,))
