"""The feed-forward layer: what each token does on its own, between two rounds of looking at others."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from .recomputation import through

GATED = ("swiglu", "geglu")
ACTIVATIONS = ("gelu_tanh", "gelu", "relu", "relu_squared", *GATED)
KEPT = 2**21
"""Values up to which an activation is kept for its gradient: so few cost more time to compute again than room."""


class FeedForward(nn.Module):
    """down(activation(up(x))), the same for every token; `hidden` channels in between.

    "gelu_tanh" is GPT-2's approximation (openai/gpt-2 src/model.py, `gelu`; Hendrycks & Gimpel 2016), "gelu" the exact
    function, "relu" the original transformer's (Vaswani et al. 2017, equation 2), "relu_squared" its square (So et al.
    2021). "swiglu" and "geglu" are down(activation(gate(x)) * up(x)) with SiLU and exact GELU (Shazeer 2020, equation
    6). `hidden` is 4 n_embd by default, and 8/3 n_embd where gated, which makes three matrices as many weights as two.
    """

    def __init__(
        self, n_embd: int, hidden: int | None = None, activation: str = "gelu_tanh", *, bias: bool = True
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"wanted an activation out of {', '.join(ACTIVATIONS)}; got {activation!r}; choose one of these"
            )
        if hidden is None:
            hidden = 8 * n_embd // 3 if activation in GATED else 4 * n_embd
        if n_embd < 1 or hidden < 1:
            raise ValueError(
                f"wanted n_embd and hidden of at least 1; got {n_embd=}, {hidden=}; pass the channels first"
            )
        self.n_embd, self.hidden, self.activation = n_embd, hidden, activation
        self.up = nn.Linear(n_embd, self.hidden, bias=bias)
        self.gate = nn.Linear(n_embd, self.hidden, bias=bias) if activation in GATED else None
        self.down = nn.Linear(self.hidden, n_embd, bias=bias)

    def forward(self, x: Float[Tensor, "... C"]) -> Float[Tensor, "... C"]:
        """A new vector for each token. ValueError when the last dimension is not n_embd."""
        if x.shape[-1] != self.n_embd:
            raise ValueError(
                f"wanted x of shape [..., {self.n_embd}]; got {list(x.shape)}; "
                "make the layer as wide as what it is given"
            )
        if self.gate is None:
            hidden = self.up(x)
            if hidden.numel() <= KEPT:
                return self.down(self.activate(hidden))
            return through(self.activate, hidden, self.down)
        return self.down(self.activate(self.gate(x)) * self.up(x))

    def activate(self, x: Float[Tensor, "... hidden"]) -> Float[Tensor, "... hidden"]:
        if self.activation == "swiglu":
            return F.silu(x)
        if self.activation.startswith("relu"):
            return F.relu(x).square() if self.activation == "relu_squared" else F.relu(x)
        return F.gelu(x, approximate="tanh" if self.activation == "gelu_tanh" else "none")

    def extra_repr(self) -> str:
        return f"activation={self.activation!r}"
