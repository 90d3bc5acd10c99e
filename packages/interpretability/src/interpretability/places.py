"""The places inside a model: their names, what stands there, and what TransformerLens calls them.

    embed + positions ─ 0.resid_pre
                        ├─ 0.attention.norm ─ query, key, value ─ pattern ─ heads ─ 0.attention.out ─┐
                        + ◄──────────────────────────────────────────────────────────────────────────┘
                        0.resid_mid
                        ├─ 0.feed_forward.norm ─ pre ─ hidden ─ 0.feed_forward.out ──────────────────┐
                        + ◄──────────────────────────────────────────────────────────────────────────┘
                        0.resid_post = 1.resid_pre … ─ final_norm ─ logits

Axes: B rows, T tokens, C channels of the stream, H heads, D = C / H channels of a head, V tokens of the vocabulary.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True)
class Place:
    """A place: the name that TransformerLens' bridge has for it (its hook), the shape of what stands there, and what
    that is."""

    hook: str
    shape: str
    meaning: str


PLACES: dict[str, Place] = {
    "embed": Place("hook_embed", "B T C", "each token's vector"),
    "positions": Place("hook_pos_embed", "B T C", "each position's vector"),
    "L.resid_pre": Place("blocks.L.hook_resid_pre", "B T C", "the stream that block L reads"),
    "L.attention.norm": Place("blocks.L.ln1.hook_out", "B T C", "the stream, normed for attention"),
    "L.attention.query": Place("blocks.L.attn.hook_q", "B T H D", "what each head asks"),
    "L.attention.key": Place("blocks.L.attn.hook_k", "B T H D", "what each head is asked by"),
    "L.attention.value": Place("blocks.L.attn.hook_v", "B T H D", "what each head hands on"),
    "L.attention.pattern": Place("blocks.L.attn.hook_pattern", "B H T T", "where each query looks; rows sum to 1"),
    "L.attention.heads": Place("blocks.L.attn.hook_z", "B T H D", "what each head gathered, before `out` mixes them"),
    "L.attention.out": Place("blocks.L.hook_attn_out", "B T C", "what attention adds to the stream"),
    "L.resid_mid": Place("blocks.L.hook_resid_mid", "B T C", "the stream between attention and feed-forward"),
    "L.feed_forward.norm": Place("blocks.L.ln2.hook_out", "B T C", "the stream, normed for the feed-forward layer"),
    "L.feed_forward.pre": Place("blocks.L.mlp.hook_pre", "B T 4C", "the neurons before GELU"),
    "L.feed_forward.hidden": Place("blocks.L.mlp.hook_post", "B T 4C", "the neurons: what GELU made of them"),
    "L.feed_forward.out": Place("blocks.L.hook_mlp_out", "B T C", "what the feed-forward layer adds to the stream"),
    "L.resid_post": Place("blocks.L.hook_resid_post", "B T C", "the stream after block L"),
    "final_norm": Place("ln_final.hook_out", "B T C", "the last stream, normed: what the head reads"),
    "logits": Place("unembed.hook_out", "B T V", "how well each token of the vocabulary follows"),
}
"""In the order in which the model comes by them; L is a block's number, from 0."""


def places_of(model: Any) -> dict[str, Place]:
    """Every place of `model` by its name, such as `3.attention.heads`, in the model's order. TypeError as
    `blocks_of`."""
    n_layer = len(blocks_of(model))
    inner = {name: place for name, place in PLACES.items() if name.startswith("L.")}
    names = list(PLACES)
    before, after = names[: names.index("L.resid_pre")], names[names.index("L.resid_post") + 1 :]
    found = {name: PLACES[name] for name in before}
    for layer in range(n_layer):
        for name, place in inner.items():
            hook = place.hook.replace(".L.", f".{layer}.")
            found[f"{layer}{name[1:]}"] = replace(place, hook=hook, meaning=place.meaning.replace(" L", f" {layer}"))
    return found | {name: PLACES[name] for name in after}


def chosen_places(model: Any, wanted: str | Iterable[str]) -> list[str]:
    """The names that `wanted` means, in the model's order: names, or patterns as a shell knows them (`*.resid_post`).
    ValueError for a name that the model has no place for, and for none."""
    known = list(places_of(model))
    found: set[str] = set()
    for pattern in (wanted,) if isinstance(wanted, str) else wanted:
        matching = [name for name in known if fnmatchcase(name, pattern)]
        if not matching:
            raise ValueError(f"wanted a place of this model, got {pattern!r}; {_advice(pattern, known)}")
        found.update(matching)
    if not found:
        raise ValueError("wanted at least one place, got none; name one, such as 0.resid_post, or '*' for all")
    return [name for name in known if name in found]


def blocks_of(model: Any) -> Sequence[Any]:
    """The blocks of a GPT-2 of this workspace. TypeError for anything else."""
    from gpt2 import GPT2

    if not isinstance(model, GPT2):
        raise TypeError(
            f"wanted a GPT-2 as gpt2.load gives it, got a {type(model).__name__}; load its folder: gpt2.load(FOLDER)[0]"
        )
    return list(model.decoder.blocks)


def layer_of(name: str) -> int | None:
    """The number of the block that a place is in; None for those outside of blocks."""
    first = name.partition(".")[0]
    return int(first) if first.isdecimal() else None


def _advice(name: str, known: Sequence[str]) -> str:
    layer, last = layer_of(name), layer_of(known[-3])
    if layer is not None and last is not None and layer > last:
        return f"its blocks are 0 to {last}"
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else "interpretability.places_of(model) lists all"
