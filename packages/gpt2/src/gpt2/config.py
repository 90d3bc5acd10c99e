"""The shape of a GPT-2, and the four shapes OpenAI published."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class GPT2Config:
    """The five numbers of OpenAI's `hparams.json`, and the three that it takes for granted.

    Names and published values: openai/gpt-2 `src/model.py` and the `hparams.json` of each release.
    """

    n_vocab: int = 50_257
    """Token ids the model knows (V)."""
    n_ctx: int = 1024
    """Tokens it can look back on: rows of the position table."""
    n_embd: int = 768
    """Width of the residual stream (C)."""
    n_head: int = 12
    """Attention heads a layer (H); they share the width, C = H x D."""
    n_layer: int = 12
    """Blocks."""
    dropout: float = 0.0
    """Probability of dropping an activation while training; 0.1 in the paper, 0 in most later work."""
    layer_norm_epsilon: float = 1e-5
    """Added to the variance in every layer norm."""
    activation: str = "gelu_tanh"
    """Of the feed-forward layers: "gelu_tanh" is GPT-2; "gelu", the exact function, is what nanoGPT trains with."""
    end_ids: Sequence[int] | None = dataclasses.field(default=None, compare=False)
    """Ids that end a text, where a model brings its own; None: the tokenizer's end-of-text token does."""

    def __post_init__(self) -> None:
        for name in ("n_vocab", "n_ctx", "n_embd", "n_head", "n_layer"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name}: wanted a whole number of at least 1, got {value!r}; set it to one")
        if self.n_embd % self.n_head:
            raise ValueError(
                f"n_embd: wanted a multiple of n_head, so that every head gets equally many channels, got n_embd="
                f"{self.n_embd} and n_head={self.n_head}; try n_embd={-(-self.n_embd // self.n_head) * self.n_head}"
            )
        if self.end_ids is not None:
            object.__setattr__(self, "end_ids", checked_ends(self.end_ids))
        for name in ("dropout", "layer_norm_epsilon"):
            if isinstance(value := getattr(self, name), bool) or not isinstance(value, (int, float)):
                raise ValueError(f"{name}: wanted a number, got {value!r}; set it to one")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout: wanted a probability in [0, 1), got {self.dropout!r}; 0 turns it off")
        if not self.layer_norm_epsilon > 0.0:
            raise ValueError(f"layer_norm_epsilon: wanted a number above 0, got {self.layer_norm_epsilon!r}; use 1e-5")

        if self.activation not in ("gelu_tanh", "gelu"):
            raise ValueError(f"activation: wanted gelu_tanh (GPT-2's) or gelu, got {self.activation!r}; use gelu_tanh")

    @property
    def n_parameters(self) -> int:
        """Parameters by formula, the tied head counted once: V C + T C + L (12 C² + 13 C) + 2 C."""
        c = self.n_embd
        return self.n_vocab * c + self.n_ctx * c + self.n_layer * (12 * c * c + 13 * c) + 2 * c

    def flops_per_token(self, time: int | None = None) -> int:
        """Floating-point operations of one training step per token of a window of `time` tokens (default `n_ctx`).

        Forward and backward together, 6 for each weight that takes part in a matrix product and 12 L T C for the
        attention scores and sums (Chowdhery et al. 2022, arXiv 2204.02311, appendix B).
        """
        c, t = self.n_embd, time or self.n_ctx
        return 6 * (self.n_vocab * c + 12 * self.n_layer * c * c) + 12 * self.n_layer * t * c

    def replace(self, **changes: object) -> "GPT2Config":
        """The same shape with some fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


def checked_ends(given: object) -> tuple[int, ...]:
    """One id that ends a text, or several, as a tuple; ValueError for what are none. An id that the vocabulary lacks
    is no fault: it never comes."""
    ends = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    wrong = [one for one in ends if not isinstance(one, int) or isinstance(one, bool) or one < 0]
    if wrong or not ends:
        raise ValueError(f"eos_token_id: wanted an id from 0 on, or a list of ids, got {given!r}; correct it")
    return ends


PUBLISHED: dict[str, GPT2Config] = {
    "gpt2": GPT2Config(),
    "gpt2-medium": GPT2Config(n_embd=1024, n_head=16, n_layer=24),
    "gpt2-large": GPT2Config(n_embd=1280, n_head=20, n_layer=36),
    "gpt2-xl": GPT2Config(n_embd=1600, n_head=25, n_layer=48),
}
"""The four released models, by the names they go by on the Hugging Face hub (124M, 355M, 774M, 1.5B parameters)."""
