"""`config.json`: our configuration as `transformers.GPT2LMHeadModel` spells it, and back."""

from typing import Any

from ..config import GPT2Config, checked_ends

# Their name of each of our fields; every other key of a config.json must have the value that GPT-2 has.
_FIELDS = {
    "n_vocab": "vocab_size",
    "n_ctx": "n_positions",
    "n_embd": "n_embd",
    "n_head": "n_head",
    "n_layer": "n_layer",
}
_FIXED = {
    "tie_word_embeddings": (True,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
}
_DROPOUTS = ("attn_pdrop", "embd_pdrop", "resid_pdrop")
_ACTIVATIONS = {"gelu_tanh": ("gelu_new", "gelu_pytorch_tanh"), "gelu": ("gelu",)}


def to_hugging_face(config: GPT2Config, dtype: str = "float32") -> dict[str, Any]:
    """The `config.json` of `transformers.GPT2LMHeadModel` for our configuration and weights of that dtype."""
    shape = {theirs: getattr(config, ours) for ours, theirs in _FIELDS.items()}
    dropout = {name: config.dropout for name in _DROPOUTS}
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
        "activation_function": _ACTIVATIONS[config.activation][0],
        **fixed,
        "torch_dtype": dtype,
    }


def from_hugging_face(content: dict[str, Any], where: object = "config.json") -> GPT2Config:
    """Our configuration for a `config.json`; ValueError where it describes something else than GPT-2."""
    missing = [theirs for theirs in _FIELDS.values() if theirs not in content]
    if missing:
        raise ValueError(
            f"{where}: wanted a GPT-2's config.json, got one without {', '.join(missing)}; that is another model"
        )
    _check_types(content, where)
    for name, allowed in _FIXED.items():
        if content.get(name, allowed[0]) not in allowed:
            raise ValueError(
                f"{where}: wanted {name} = {allowed[0]!r} as in GPT-2, got {content[name]!r}; that is another model"
            )
    activations = {theirs: ours for ours, names in _ACTIVATIONS.items() for theirs in names}
    activation = content.get("activation_function", "gelu_new")
    if activation not in activations:
        raise ValueError(
            f"{where}: wanted activation_function = 'gelu_new' as in GPT-2 (or 'gelu', as in nanoGPT), got "
            f"{activation!r}; that is another model"
        )
    if content.get("n_inner") not in (None, 4 * content["n_embd"]):
        raise ValueError(
            f"{where}: wanted n_inner = 4 n_embd as in GPT-2, got {content['n_inner']}; that is another model"
        )
    dropouts = {name: content[name] for name in _DROPOUTS if name in content}
    if len(set(map(repr, dropouts.values()))) > 1:
        shown = ", ".join(f"{name} {value}" for name, value in dropouts.items())
        raise ValueError(
            f"{where}: wanted one dropout for {', '.join(_DROPOUTS)}, as here all have, got {shown}; set them to one "
            f"value (they count in training only)"
        )
    shape = {ours: content[theirs] for ours, theirs in _FIELDS.items()}
    return GPT2Config(
        **shape,
        dropout=next(iter(dropouts.values()), 0.0),
        layer_norm_epsilon=content.get("layer_norm_epsilon", 1e-5),
        activation=activations[activation],
        end_ids=None if content.get("eos_token_id") is None else checked_ends(content["eos_token_id"]),
    )


def _check_types(content: dict[str, Any], where: object) -> None:
    """ValueError for a number that is none, wherever one is counted with below."""
    for name in _FIELDS.values():
        if type(content[name]) is not int:
            raise ValueError(f"{where}: wanted {name} to be a whole number, got {content[name]!r}; copy it again")
    for name in (*_DROPOUTS, "layer_norm_epsilon"):
        if name in content and type(content[name]) not in (int, float):
            raise ValueError(f"{where}: wanted {name} to be a number, got {content[name]!r}; copy it again")
    if not isinstance(content.get("activation_function", ""), str):
        raise ValueError(
            f"{where}: wanted activation_function to be a name, got {content['activation_function']!r}; copy it again"
        )
