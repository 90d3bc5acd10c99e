"""GPT-2's forward pass once more, slow and in float64, sharing nothing with the model: what a model is compared with.

From the description in Radford et al. 2018 and 2019 and openai/gpt-2 `src/model.py`. `Wiring` names what
implementations get wrong, so that the forward pass with one thing wrong can be held against a model that differs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Wiring:
    """How the parts are put together; the defaults are GPT-2."""

    tanh_gelu: bool = True
    epsilon: float = 1e-5
    norm_first: bool = True
    final_norm: bool = True
    tied_head: bool = True
    causal: bool = True
    scaled: bool = True
    first_position: int = 0
    biases: bool = True
    transposed: str = ""
    """Kind of square projection that lies the other way round: "attn.c_proj"."""
    parts: str = "qkv"
    """Order of queries, keys and values in the first projection."""
    interleaved_heads: bool = False


VARIATIONS: tuple[tuple[str, str, Wiring], ...] = (
    ("GELU is the tanh form", "exact GELU", Wiring(tanh_gelu=False)),
    *(("the norms' epsilon is 1e-5", f"an epsilon of {e:g}", Wiring(epsilon=e)) for e in (1e-6, 1e-12, 1e-8, 1e-3)),
    ("norms come before their layers", "norms after the layers", Wiring(norm_first=False)),
    ("a last norm stands before the head", "no last norm", Wiring(final_norm=False)),
    ("the head is the token embedding", "a head with weights of its own", Wiring(tied_head=False)),
    ("no token sees later ones", "tokens that see later ones", Wiring(causal=False)),
    ("attention is scaled by 1 / sqrt(head size)", "attention that is not scaled", Wiring(scaled=False)),
    ("positions count from 0", "positions that count from 1", Wiring(first_position=1)),
    ("projections have their biases", "no biases in the projections", Wiring(biases=False)),
    ("projections lie [in, out]", "a transposed attn.c_proj", Wiring(transposed="attn.c_proj")),
    ("queries, keys and values come in this order", "keys first, then queries", Wiring(parts="kqv")),
    ("queries, keys and values come in this order", "values first", Wiring(parts="vkq")),
    ("a head's channels lie side by side", "heads that take every n_head-th channel", Wiring(interleaved_heads=True)),
)
"""Claim, what is found instead where it is broken, and the wiring that gives it away."""


def reference_logits(
    tensors: Mapping[str, Tensor], tokens: Tensor, n_head: int, wiring: Wiring | None = None
) -> Tensor:
    """Logits [B, T, V] in float64 of tokens [B, T], from tensors under their published names (`wte.weight`, …)."""
    w = wiring or Wiring()

    def get(name: str) -> Tensor:
        return tensors[name].detach().double()

    def norm(x: Tensor, name: str) -> Tensor:
        centered = x - x.mean(-1, keepdim=True)
        spread = (centered.square().mean(-1, keepdim=True) + w.epsilon).sqrt()
        return centered / spread * get(f"{name}.weight") + get(f"{name}.bias")

    def project(x: Tensor, name: str) -> Tensor:
        weight = get(f"{name}.weight")
        weight = weight.T if w.transposed and name.endswith(w.transposed) else weight
        return x @ weight + (get(f"{name}.bias") if w.biases else 0.0)

    def attention(x: Tensor, name: str) -> Tensor:
        thirds = dict(zip(w.parts, project(x, f"{name}.c_attn").chunk(3, dim=-1), strict=True))
        q, k, v = (_heads(thirds[part], n_head, w.interleaved_heads) for part in "qkv")
        scores = q @ k.transpose(-1, -2) / (math.sqrt(q.shape[-1]) if w.scaled else 1.0)
        if w.causal:
            time = x.shape[1]
            scores = scores.masked_fill(torch.ones(time, time).triu(1).bool().to(x.device), -math.inf)
        return project(_merged(scores.softmax(-1) @ v, w.interleaved_heads), f"{name}.c_proj")

    def feed_forward(x: Tensor, name: str) -> Tensor:
        hidden = project(x, f"{name}.c_fc")
        inner = math.sqrt(2 / math.pi) * (hidden + 0.044715 * hidden**3) if w.tanh_gelu else hidden / math.sqrt(2)
        return project(0.5 * hidden * (1 + (inner.tanh() if w.tanh_gelu else inner.erf())), f"{name}.c_proj")

    positions = torch.arange(tokens.shape[1], device=tokens.device) + w.first_position
    x = get("wte.weight")[tokens] + get("wpe.weight")[positions % len(tensors["wpe.weight"])]
    for layer in range(sum(name.endswith(".ln_1.weight") for name in tensors)):
        for number, (part, name) in enumerate(((attention, "attn"), (feed_forward, "mlp")), start=1):
            ln, name = f"h.{layer}.ln_{number}", f"h.{layer}.{name}"
            x = x + part(norm(x, ln), name) if w.norm_first else norm(x + part(x, name), ln)
    x = norm(x, "ln_f") if w.final_norm else x
    return x @ get("wte.weight" if w.tied_head or "lm_head.weight" not in tensors else "lm_head.weight").T


def _heads(x: Tensor, n_head: int, interleaved: bool) -> Tensor:
    """[B, T, C] to [B, H, T, D]."""
    if interleaved:
        return x.unflatten(-1, (-1, n_head)).permute(0, 3, 1, 2)
    return x.unflatten(-1, (n_head, -1)).transpose(1, 2)


def _merged(x: Tensor, interleaved: bool) -> Tensor:
    """[B, H, T, D] to [B, T, C]."""
    return (x.permute(0, 2, 3, 1) if interleaved else x.transpose(1, 2)).flatten(2)
