"""How much memory a GPT-2 takes, by formula: to train it, and to let it write.

What training keeps of every token for its way back (float32, counted from what autograd saves): per block 10 vectors of
`n_embd`: the stream before each part (2; its norm is computed again), queries, keys, values and what attention read
(4), the wide layer before its GELU (4; what comes after is computed again); and 4 statistics of norms and one number a
head; at the end the stream, its norm and the gradient that the head knows. With bfloat16 the two norms are kept, all
but the stream takes half of that, and every matrix has a copy in 16 bits. The head's logits exist some rows at a time
(`head_loss.CHUNK_BYTES`), but the gradient of its weight is there from then on. Where few values come after a GELU
(`feed_forward.KEPT`), they are kept, too: at most 8 MB a block, which are not counted.

What is kept goes as the gradients come. Where the head is large enough for freed memory to be given back meanwhile
(`_HeadCrossEntropy`), the larger of the two counts in a step of one micro-batch; in one of several the first ones'
gradients are there beside what the next one keeps. Elsewhere both count, and the gaps where the norms were.
"""

import dataclasses
from dataclasses import dataclass

from ..config import GPT2Config
from ..head_loss import CHUNK_BYTES, rows_at_a_time
from ..training.settings import PRECISIONS

FLOAT = 4
STATES = {"adamw": 2, "muon": 1}
"""Numbers an optimizer keeps for each weight of a matrix; embeddings and vectors always have two."""


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes at the fullest moment of training: a fixed part, and one for every window of a micro-batch."""

    weights: int
    gradients: int
    optimizer: int
    copies: int
    """Of the matrices, in 16 bits."""
    head: int
    """The gradient of the token embedding on its way."""
    logits: int
    """Of the rows that are held at a time and, beside them, their softmax; at most."""
    window_logits: int
    """The same of one window, if there were no limit."""
    window: int
    gaps: int = 0
    """Of a window, where nothing is given back: freed in pieces that nothing else fits in."""

    def peak(self, micro_batch: int, batch: int | None = None) -> int:
        """Bytes with so many windows at a time, in steps of `batch` windows (default: of more than that)."""
        windows = micro_batch * (self.window + self.gaps)
        kept = self.head + min(self.logits, micro_batch * self.window_logits) + windows
        alone = self.head > CHUNK_BYTES and batch is not None and micro_batch >= batch
        return self.weights + self.optimizer + self.copies + (max if alone else sum)((self.gradients, kept))

    def shared(self, devices: int) -> "TrainingMemory":
        """The same for one of so many devices that share out weights, gradients and optimizer state (FSDP2).

        Of the published sizes the head's term also covers the one block whose weights are whole for a moment."""
        share = {name: -(-getattr(self, name) // devices) for name in ("weights", "gradients", "optimizer", "copies")}
        return dataclasses.replace(self, **share)

    def largest(self, free: int) -> int:
        """The most windows that fit in `free` bytes; 0 where not even one does."""
        window = self.window + self.gaps
        most = max(0, (free - self.peak(0)) // window)
        while most and self.peak(most) > free:
            most -= max(1, (self.peak(most) - free) // (window + self.window_logits))
        return most


def training_memory(
    config: GPT2Config, time: int | None = None, optimizer: str = "adamw", precision: str = "float32"
) -> TrainingMemory:
    """For windows of `time` tokens (default `n_ctx`); `precision` is float32, medium or bfloat16, as `train` knows
    them. ValueError for an unknown one, or an unknown optimizer."""
    if precision not in PRECISIONS or precision == "auto":
        raise ValueError(f"--precision: wanted one of {', '.join(PRECISIONS)}, got {precision!r}; leave it out")
    if optimizer not in STATES:
        raise ValueError(f"--optimizer: wanted adamw or muon, got {optimizer!r}; recipes say which one they use")
    time = checked_time(config, time)
    c, layers, parameters = config.n_embd, config.n_layer, config.n_parameters
    matrices = 12 * layers * c * c
    numbers = STATES[optimizer] * matrices + 2 * (parameters - matrices)
    rows = rows_at_a_time(config.n_vocab)
    short = precision == "bfloat16"
    block = (2 * FLOAT + (10 * 2 if short else 8 * FLOAT)) * c + FLOAT * (4 + config.n_head)
    token = layers * block + FLOAT * (2 * c + 2) + (2 if short else FLOAT) * c
    head = FLOAT * config.n_vocab * c
    return TrainingMemory(
        weights=FLOAT * parameters,
        gradients=FLOAT * parameters,
        optimizer=FLOAT * numbers,
        copies=2 * matrices if short else 0,
        head=head,
        logits=2 * FLOAT * rows * config.n_vocab,
        window_logits=2 * FLOAT * time * config.n_vocab,
        window=time * token,
        gaps=0 if short or head > CHUNK_BYTES else 2 * FLOAT * layers * time * c,
    )


@dataclass(frozen=True)
class InferenceMemory:
    """Bytes while a model writes: its weights, and for every row of a batch the cache and what one call computes."""

    weights: int
    row: int

    def peak(self, rows: int) -> int:
        """Bytes with so many rows."""
        return self.weights + rows * self.row

    def largest(self, free: int) -> int:
        """The most rows that fit in `free` bytes."""
        return max(0, (free - self.weights) // self.row)


def inference_memory(config: GPT2Config, time: int | None = None) -> InferenceMemory:
    """For texts of `time` tokens (default `n_ctx`), in float32, the whole text read in one call.

    A row has keys and values of every layer, the logits of its last token, and for every token 20 vectors of `n_embd`:
    10 are the stream, a norm of it, and the wide layer before and after its GELU; 20 is what was measured of them
    together with what is not given back between two layers.
    """
    time = checked_time(config, time)
    c = config.n_embd
    cache = 2 * config.n_layer * time * c
    return InferenceMemory(FLOAT * config.n_parameters, FLOAT * (cache + 20 * time * c + config.n_vocab))


def checked_time(config: GPT2Config, time: int | None) -> int:
    """The context asked for, or the model's; ValueError where the model has less."""
    if time is not None and not 1 <= time <= config.n_ctx:
        raise ValueError(f"--context: wanted 1..{config.n_ctx} tokens (n_ctx), got {time}; the model sees no more")
    return time or config.n_ctx
