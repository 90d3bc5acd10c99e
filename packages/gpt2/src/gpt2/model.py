"""GPT-2, top to bottom, put together from the layers of the packages below (Radford et al. 2019; openai/gpt-2
`src/model.py`).

    tokens ─ token embedding + position embedding ─ n_layer x [norm, attention, +, norm, feed-forward, +] ─ norm ─ head

One of the n_layer blocks, with B rows, T tokens, C = n_embd channels and H heads of D = C / H:

    x                                                                           [B, T, C]
    ├─ norm ─ qkv ─ three of [B, H, T, D] ─ attention ─ heads merged ─ out ─┐   [B, T, 3 C], [B, H, T, T], [B, T, C]
    + ◄─────────────────────────────────────────────────────────────────────┘   [B, T, C]
    ├─ norm ─ up ─ GELU ─ down ─────────────────────────────────────────────┐   [B, T, 4 C], [B, T, C]
    + ◄─────────────────────────────────────────────────────────────────────┘   [B, T, C]

The head is the token embedding again (tied): the logit of a token is the dot product of its vector and the final state.
"""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

import transformer
from attention import KeyValueCache
from embeddings import LearnedPositions, TokenEmbedding
from transformer import DecoderStack, FeedForward, LayerNorm

from .config import GPT2Config
from .head_loss import can_be_tied, head_cross_entropy, tied


class GPT2(nn.Module):
    """A GPT-2 of the given shape, initialized as published from `generator` (default: torch's global one)."""

    def __init__(self, config: GPT2Config, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        c = config.n_embd
        self.config = config
        self.token_embedding = TokenEmbedding(config.n_vocab, c)
        self.position_embedding = LearnedPositions(config.n_ctx, c)
        self.dropout = nn.Dropout(config.dropout)
        self.decoder = DecoderStack(
            config.n_layer,
            c,
            config.n_head,
            dropout=config.dropout,
            eps=config.layer_norm_epsilon,
            feed_forward=partial(FeedForward, activation=config.activation),
        )
        self.final_norm = LayerNorm(c, eps=config.layer_norm_epsilon)
        initialise(self, generator)

    @property
    def n_ctx(self) -> int:
        """Tokens the model can look back on."""
        return self.config.n_ctx

    @property
    def n_vocab(self) -> int:
        """Token ids the model knows."""
        return self.config.n_vocab

    @property
    def end_ids(self) -> Sequence[int] | None:
        """Ids that end a text, where the model brings its own; None: the tokenizer's end-of-text token does."""
        return self.config.end_ids

    def forward(
        self,
        tokens: Int[Tensor, "B T"],
        cache: KeyValueCache | None = None,
        lengths: Int[Tensor, " B"] | None = None,
        last_only: bool = False,
    ) -> Float[Tensor, "..."]:
        """Logits [B, T, V]; with `last_only` those after each row's last real token, [B, V].

        cache: what earlier calls saw, from `new_cache`; the tokens here continue it, and it is written to.
        lengths: how many tokens of each row are real, the rest being padding on the right (default: all of them).
        Raises ValueError when a row would grow past `n_ctx`, or holds an id outside the vocabulary.
        """
        state = self.hidden(tokens, cache, lengths)
        if last_only:
            last = torch.full_like(tokens[:, 0], tokens.shape[1]) if lengths is None else lengths
            state = state[torch.arange(len(tokens), device=tokens.device), last - 1]
        return self.token_embedding.logits(state)

    def hidden(
        self,
        tokens: Int[Tensor, "B T"],
        cache: KeyValueCache | None = None,
        lengths: Int[Tensor, " B"] | None = None,
        starts: Int[Tensor, " B"] | None = None,
        table: Float[Tensor, "V C"] | None = None,
    ) -> Float[Tensor, "B T C"]:
        """The final state of every token, normed: what the head reads.

        starts: each row's first position, if not 0. table: takes the place of the embedding's weight (see `loss`).
        """
        if tokens.ndim != 2:
            advice = "tokens[None] is a batch of one row" if tokens.ndim == 1 else "give one row of ids for each text"
            raise ValueError(f"tokens: wanted rows of ids, [B, T], got shape {list(tokens.shape)}; {advice}")
        positions = self._positions(tokens, cache, lengths)
        if starts is not None:
            positions = positions + starts[:, None]
        vectors = self.token_embedding(tokens, **({} if table is None else {"table": table}))
        state = self.dropout(vectors + self.position_embedding(positions))
        state = self.final_norm(self.decoder(state, cache))
        if cache is not None:
            cache.advance(tokens.shape[1], lengths)
        return state

    def loss(
        self, tokens: Int[Tensor, "B T"], targets: Int[Tensor, "B T"], starts: Int[Tensor, " B"] | None = None
    ) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
        """Summed cross-entropy in nats and the number of targets it is over; negative targets are left out.

        starts: the position of each row's first token, for a piece that was cut out of a longer text (default: 0).
        Equal to cross-entropy of `forward`'s logits, which are never held whole.
        """
        weight = self.token_embedding.weight
        if isinstance(weight, nn.Parameter):
            ours = type(self.token_embedding) is TokenEmbedding  # others may not know `table`
            table, head = tied(weight) if ours and can_be_tied(weight) else (None, weight)
            return head_cross_entropy(self.hidden(tokens, starts=starts, table=table), head, targets)
        # A head of whole numbers learns nothing, so its logits are all there is to it.
        logits = self.token_embedding.logits(self.hidden(tokens, starts=starts)).float().flatten(0, 1)
        real = targets.flatten() >= 0
        return nn.functional.cross_entropy(logits[real], targets.flatten()[real], reduction="sum"), real.sum()

    def new_cache(self, batch: int, length: int | None = None) -> KeyValueCache:
        """An empty key-value cache for `batch` rows of up to `length` tokens (default `n_ctx`)."""
        length = self.n_ctx if length is None else length
        if not 1 <= length <= self.n_ctx:
            raise ValueError(f"cache length: wanted 1..{self.n_ctx} (n_ctx), got {length}; a longer one can't be used")
        c = self.config
        weight = self.final_norm.weight  # the table may be quantized
        return KeyValueCache(
            c.n_layer, batch, c.n_head, length, c.n_embd // c.n_head, dtype=weight.dtype, device=weight.device
        )

    def _positions(
        self, tokens: Int[Tensor, "B T"], cache: KeyValueCache | None, lengths: Int[Tensor, " B"] | None
    ) -> Int[Tensor, "B T"]:
        time, held = tokens.shape[1], 0 if cache is None else cache.longest
        if time == 0:
            raise ValueError(f"tokens: wanted at least one a row, got shape {tuple(tokens.shape)}; pass a prompt")
        if held + time > self.n_ctx:
            raise ValueError(
                f"tokens: wanted at most {self.n_ctx} (n_ctx) a row, got {held} in the cache and {time} more; "
                f"cut the text or start a new cache"
            )
        if cache is not None:
            return cache.positions(time)
        return torch.arange(time, device=tokens.device).expand(len(tokens), time)


def initialise(model: GPT2, generator: torch.Generator | None = None) -> None:
    """Draw the weights as published: normal with deviation 0.02 (positions 0.01), biases zero, norms one.

    The projections that write to the residual stream are scaled by 1 / sqrt(2 n_layer), since 2 n_layer of them add up
    (Radford et al. 2019, section 2.3; deviations from openai/gpt-2 `src/model.py`).
    """
    transformer.initialise(model, tables=tables(model), generator=generator)


def tables(model: GPT2) -> dict[nn.Module, float]:
    """The two tables of a model with the deviation that their rows begin with."""
    return {model.token_embedding: 0.02, model.position_embedding: 0.01}
