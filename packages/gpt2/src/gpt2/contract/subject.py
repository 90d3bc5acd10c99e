"""The model that a contract is held against: its logits, its tensors by their published names, its caches."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..files.names import PREFIX, to_published

COPIED = 30_000_000
"""Parameters up to which a copy with wide weights in float64 is tried instead of the model itself."""


class Subject:
    """Anyone's GPT-2: a module that gives logits (or an object or tuple with them) for tokens [B, T].

    Up to 30 million parameters a copy in float64 is tried, its weights made wide by noise, so that every mistake shows
    in the logits; a larger one is tried as it is.
    """

    def __init__(self, model: nn.Module, n_head: int | None, n_ctx: int | None) -> None:
        config = getattr(model, "config", None)
        self.n_head: int = n_head or getattr(config, "n_head", None) or 0
        if not self.n_head:
            raise ValueError("n_head: wanted the number of heads, got a model whose config has none; pass n_head=…")
        small = sum(p.numel() for p in model.parameters()) <= COPIED
        self.model = _widened(model) if small else model
        self.tolerance = 1e-6 if small else 1e-4
        self.tensors = published_tensors(self.model.state_dict())
        self.n_vocab = len(self.tensors["wte.weight"])
        self.n_ctx = n_ctx or len(self.tensors["wpe.weight"])
        self.device = self.tensors["wte.weight"].device
        self.has_cache = hasattr(model, "new_cache")

    def logits(self, tokens: Tensor, **arguments: Any) -> Tensor:
        """[B, T, V] in float64."""
        result = self.model(tokens, **arguments)
        result = getattr(result, "logits", result)
        return (result if isinstance(result, Tensor) else result[0]).double()

    def tokens(self, rows: int, time: int) -> Tensor:
        """Random ids, the same every time."""
        draw = torch.Generator().manual_seed(rows * 1000 + time)
        return torch.randint(self.n_vocab, (rows, min(time, self.n_ctx)), generator=draw).to(self.device)

    def new_cache(self, rows: int, time: int) -> Any:
        return self.model.new_cache(rows, time)  # type: ignore[operator]


def published_tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of ours, of transformers or in nanoGPT's layout under the published names, projections [in, out]."""
    if "token_embedding.weight" in state:
        layers = sum(name.endswith("attention_norm.weight") for name in state)
        state = to_published(state, layers)
    tensors = {name.removeprefix("_orig_mod.").removeprefix(PREFIX): tensor for name, tensor in state.items()}
    if missing := [
        n for n in ("wte.weight", "wpe.weight", "ln_f.weight", "h.0.attn.c_attn.weight") if n not in tensors
    ]:
        raise ValueError(
            f"model: wanted a state dict with GPT-2's published names (or ours), got one without {', '.join(missing)}; "
            f"rename its tensors, `gpt2.files.names.TABLE` lists them"
        )
    tall, wide = tensors["h.0.attn.c_attn.weight"].shape
    if tall > wide:  # as torch.nn.Linear keeps them
        return {name: t.T if ".c_" in name and t.ndim == 2 else t for name, t in tensors.items()}
    return tensors


@torch.no_grad()
def _widened(model: nn.Module) -> nn.Module:
    wide = copy.deepcopy(model).double()
    for number, parameter in enumerate(wide.parameters()):
        draw = torch.Generator().manual_seed(number)
        noise = torch.randn(parameter.shape, generator=draw, dtype=torch.float64)
        parameter.add_(noise.to(parameter.device), alpha=0.15)
    return wide.eval()
