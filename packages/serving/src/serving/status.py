"""What clients and metrics may know of the engine: its models, its state, its numbers. No torch here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from decoding import GenerationSettings

State = Literal["loading", "ready", "full", "draining", "stopped", "broken"]
"""Of the engine. When "full" it still answers what it took; only `submit` says no."""


@dataclass(frozen=True)
class Served:
    """One model as clients may know it. `tokenizer` has `encode`, `decode_bytes`, `end_of_text`, `n_vocab`."""

    name: str
    source: str
    n_ctx: int
    n_vocab: int
    parameters: int
    precision: str
    """Of the weights: "float32", "bfloat16", "int8", ..."""
    exact: bool
    """Whether a request's ids are the same bit for bit whatever else is running (README, "What is promised")."""
    system_fingerprint: str
    tokenizer: Any = field(compare=False)
    defaults: GenerationSettings = field(default_factory=GenerationSettings)
    """Those of the folder's generation_config.json."""
    bits_per_byte: float | None = None
    """Of held-out text, as the run measured it."""
    data_fingerprint: str | None = None
    chat_template: str | None = None
    parent: str | None = None
    """The model whose tensors it shares, where it is that one with an adapter."""


@dataclass(frozen=True)
class Histogram:
    """Counts of values up to each bound, the last of them without bound; their sum."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    """One more than bounds; not cumulative."""
    sum: float


@dataclass(frozen=True)
class Stats:
    """The engine's numbers at one moment; counters grow from its start on."""

    queued: int
    """Rows that wait for a place, those of all jobs together."""
    queue_places: int
    running: int
    """Rows that have a place."""
    places: int
    jobs: Mapping[str, int]
    """Ended jobs: "finished", "cancelled", "failed", "late", and "full" for those that were not taken."""
    prompt_tokens: int
    new_tokens: int
    steps: int
    tokens_per_second: float
    """Of late, all rows together; 0 when idle."""
    waiting: Histogram
    """Seconds from `submit` to a place."""
    first_token: Histogram
    """Seconds from `submit` to a job's first token."""
    between_tokens: Histogram
    """Seconds between a row's tokens."""
