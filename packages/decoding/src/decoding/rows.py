"""One prompt under way: what it has written, what the model still has to read, and when it ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from jaxtyping import Bool, Float
from torch import Generator, Tensor

from .settings.stop_strings import StopStrings
from .settings.values import GenerationSettings

FinishReason = Literal["end_of_text", "stop", "max_new_tokens", "length", "cancelled"]
Likely = tuple[tuple[int, float], ...]
Constraint = Callable[[Sequence[int]], Bool[Tensor, " V"]]
"""Which ids may follow these new ids of a row."""
Watch = Callable[[Float[Tensor, "T V"]], None]


@dataclass(frozen=True)
class Generated:
    """The new ids of one row, the end-of-text id included if the row drew it, and why the row ended.

    `finish_reason` is "end_of_text", "stop" (a stop string came), "max_new_tokens", "length" (prompt and new ids fill
    the model's `n_ctx`) or "cancelled". Asked for, `log_probabilities` holds that of each id and `likeliest` the
    likeliest ids at its place with theirs (nats, before any change to the distribution). A beam's `score` is its
    summed log-probability / length ** length_penalty, and `others` the next best hypotheses.
    """

    ids: tuple[int, ...]
    finish_reason: FinishReason
    log_probabilities: tuple[float, ...] = field(default=(), compare=False)
    likeliest: tuple[Likely, ...] = field(default=(), compare=False)
    score: float | None = field(default=None, compare=False)
    others: tuple["Generated", ...] = field(default=(), compare=False)


@dataclass(eq=False)
class Row:
    """One prompt under way. The model has read `read` ids of it, and not yet those that are `pending`."""

    prompt: tuple[int, ...]
    settings: GenerationSettings
    draws: Generator
    constraint: Constraint | None = None
    stops: StopStrings | None = None
    ids: list[int] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)
    likeliest: list[Likely] = field(default_factory=list)
    finish_reason: FinishReason | None = None
    watch: Watch | None = None
    """Is given the logits after each id of the prompt, some at a time, as they are read."""
    failure: Exception | None = None
    """Why the row was cancelled, where something of its own went wrong."""
    read: int = 0
    pending: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.pending = list(self.prompt)

    def append(self, token: int, ends: Sequence[int] = ()) -> None:
        """Take one more id; sets the finish reason if it ends the row, as each of `ends` does."""
        self.ids.append(token)
        self.pending.append(token)
        if self.settings.stop_at_end_of_text and token in ends:
            self.finish_reason = "end_of_text"
        elif self.stops is not None and self.stops.came(token):
            self.finish_reason = "stop"
        elif len(self.ids) == self.settings.max_new_tokens:
            self.finish_reason = "max_new_tokens"

    def cancel(self) -> None:
        """End the row before its next id."""
        self.finish_reason = self.finish_reason or "cancelled"

    def fail(self, error: Exception) -> None:
        """End the row, which `error` keeps from going on."""
        self.failure = error
        self.cancel()

    def has_read(self, ids: int) -> None:
        """So many ids, or all there are, of those that were pending."""
        self.read += len(self.pending[:ids])
        del self.pending[:ids]

    @property
    def began(self) -> bool:
        """Whether the model has read anything of it."""
        return self.read > 0 or bool(self.ids)

    @property
    def lends_its_prompt(self) -> bool:
        """Whether other rows may go on from its place in the cache; one that is watched is read in another way."""
        return self.watch is None and self.holds_its_prompt

    @property
    def holds_its_prompt(self) -> bool:
        """Whether the model has read all of the prompt and forgotten nothing of it."""
        return self.read >= len(self.prompt) and self.read + len(self.pending) == len(self.prompt) + len(self.ids)

    @property
    def result(self) -> Generated:
        """What the row has become."""
        reason = self.finish_reason or "cancelled"
        return Generated(tuple(self.ids), reason, tuple(self.log_probabilities), tuple(self.likeliest))
