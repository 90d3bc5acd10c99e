"""The feed-forward layer: what each token does on its own, between two rounds of looking at others."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

ACTIVATIONS = ("gelu_tanh", "gelu", "relu")


class FeedForward(nn.Module):
    """down(activation(up(x))), the same for every token; `hidden` channels in between, four times n_embd by default.

    "gelu_tanh" is GPT-2's approximation (openai/gpt-2 src/model.py, `gelu`; Hendrycks & Gimpel 2016), "gelu" the exact
    function, "relu" the original transformer's (Vaswani et al. 2017, equation 2).
    """

    def __init__(self, n_embd: int, hidden: int | None = None, activation: str = "gelu_tanh") -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"wanted an activation out of {', '.join(ACTIVATIONS)}; got {activation!r}; choose one of these"
            )
        hidden = 4 * n_embd if hidden is None else hidden
        if n_embd < 1 or hidden < 1:
            raise ValueError(
                f"wanted n_embd and hidden of at least 1; got {n_embd=}, {hidden=}; pass the channels first"
            )
        self.n_embd, self.hidden, self.activation = n_embd, hidden, activation
        self.up = nn.Linear(n_embd, self.hidden)
        self.down = nn.Linear(self.hidden, n_embd)

    def forward(self, x: Float[Tensor, "... C"]) -> Float[Tensor, "... C"]:
        """A new vector for each token. ValueError when the last dimension is not n_embd."""
        if x.shape[-1] != self.n_embd:
            raise ValueError(
                f"wanted x of shape [..., {self.n_embd}]; got {list(x.shape)}; "
                "make the layer as wide as what it is given"
            )
        return self.down(self.activate(self.up(x)))

    def activate(self, x: Float[Tensor, "... hidden"]) -> Float[Tensor, "... hidden"]:
        if self.activation == "relu":
            return F.relu(x)
        return F.gelu(x, approximate="tanh" if self.activation == "gelu_tanh" else "none")

    def extra_repr(self) -> str:
        return f"activation={self.activation!r}"
