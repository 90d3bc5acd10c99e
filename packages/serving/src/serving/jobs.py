"""The seam between the two halves: what the web half asks of the engine, and what the engine tells it. No torch here.

A job goes in with `Serves.submit`; events come out through its `tell`, in this order:

    PromptScores, one a prompt (where asked for) ─ Piece, any number a row, the last with a finish reason ─ Finished
                                     at any point instead: Failed, and nothing after it

`tell` is called from the engine's own threads and must neither block nor raise: hand the event on, as
`loop.call_soon_threadsafe` does. Exactly one `Finished` or `Failed` ends every job that `submit` took, cancelled ones
too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from decoding import GenerationSettings

from .status import Served, State, Stats

Likely = tuple[tuple[int, float], ...]
"""The likeliest ids at one place with their log-probabilities in nats, the likeliest first."""
Why = Literal["end_of_text", "stop", "max_new_tokens", "length", "cancelled", "deadline"]
"""Why a row ended: those of `decoding.Generated`, and "deadline" where the job's time was up."""


@dataclass(frozen=True)
class Form:
    """What every text of a job has to match: a regular expression, a JSON schema, or a grammar in Lark's notation."""

    kind: Literal["regex", "json_schema", "grammar"]
    text: str


@dataclass(frozen=True)
class Guidance:
    """Classifier-free guidance, as `decoding.GuidedModel` has it: `scale` 1 is off; `negative` are ids or None."""

    scale: float | int
    negative: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Job:
    """One request: every prompt continued `samples` times.

    Row number = prompt number x `samples` + sample number. It seeds the draws: row r draws from (settings.seed, r),
    whatever else the engine is doing. With `candidates`, so many rows are drawn a prompt (which the draws then count),
    nothing is told before all have ended, and the `samples` best of them are told, the best first.
    """

    model: str
    prompts: tuple[tuple[int, ...], ...]
    settings: GenerationSettings
    tell: Callable[["Event"], None] = field(compare=False)
    samples: int = 1
    candidates: int | None = None
    """As many or more than `samples`, and settings that draw; None: all that is drawn is told."""
    choose: Literal["likeliest", "consensus"] = "likeliest"
    """How the best of the candidates are found: by mean log-probability, or (one sample only) by minimum Bayes risk."""
    prompt_log_probabilities: int | None = None
    """Tell each prompt's own log-probabilities too, and so many likeliest ids at each place; 0: its own alone."""
    only_prompt: bool = False
    """Write nothing: prompts are scored and that is all (`max_tokens` 0)."""
    form: Form | None = None
    guidance: Guidance | None = None
    deadline: float | int | None = None
    """Seconds from `submit` after which rows end as "deadline", even in the queue; None: the engine's own limit."""
    name: str = ""
    """What logs call it."""


@dataclass(frozen=True)
class Piece:
    """What became known of one row. Ids come as soon as they are chosen, text as soon as it is whole characters and no
    possible beginning of a stop string: a piece may have ids without text, and text of earlier ids.

    The texts of a row's pieces together are its text: end-of-text adds none, a stop string and what follows are cut
    off, bytes that are no UTF-8 are U+FFFD. Ids are all that were chosen, those of end-of-text and stop string too.
    """

    row: int
    ids: tuple[int, ...]
    text: str
    log_probabilities: tuple[float, ...] = ()
    """One an id, where the settings have `log_probabilities`; nats, of the model itself."""
    likeliest: tuple[Likely, ...] = ()
    finish_reason: Why | None = None
    score: float | None = None
    """A beam's summed log-probability / length ** length_penalty, or a candidate's mean log-probability."""


@dataclass(frozen=True)
class PromptScores:
    """Log-probabilities (nats) of one prompt's ids after those before them; None and () for the first."""

    prompt: int
    log_probabilities: tuple[float | None, ...]
    likeliest: tuple[Likely, ...]


@dataclass(frozen=True)
class Usage:
    """What a job came to: tokens (each prompt counted once, candidates that were not told too), and seconds since
    `submit`. `first` is None where no token came."""

    prompt_tokens: int
    new_tokens: int
    waited: float
    first: float | None
    total: float


@dataclass(frozen=True)
class Finished:
    """All rows have ended."""

    usage: Usage


@dataclass(frozen=True)
class Failed:
    """This job ended; the engine and other jobs go on. "refused": it cannot be done as asked (a form that nothing
    fits); "late": its deadline passed before it began; "memory" and "broken": the engine could not."""

    message: str
    kind: Literal["refused", "late", "memory", "broken"] = "broken"


Event = Piece | PromptScores | Finished | Failed


class Full(Exception):
    """There is no place, nor one in the queue. `retry_after`: seconds, from the measured rate, until one is likely."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"wanted a place in the queue, got none, all are taken; try again in {retry_after} s")
        self.retry_after = retry_after


class NotTaking(Exception):
    """The engine is loading, draining, stopped or broken, as its `state` says."""

    def __init__(self, state: State) -> None:
        super().__init__(f"wanted an engine that takes jobs, got one that is {state}")
        self.state = state


class Draining(NotTaking):
    """The engine finishes what it has and takes nothing new."""

    def __init__(self) -> None:
        super().__init__("draining")


class UnknownModel(ValueError):
    """A job for a model that is not served; the message names those that are."""


@runtime_checkable
class Ticket(Protocol):
    """What `submit` gives back."""

    def cancel(self) -> None:
        """End the job's rows before their next id; from any thread, any number of times, without waiting."""

    @property
    def done(self) -> bool:
        """Whether its last event was told."""


@runtime_checkable
class Serves(Protocol):
    """What the web half knows of `serving.engine`."""

    @property
    def state(self) -> State:
        """ "full" still answers; only `submit` says no."""

    @property
    def problem(self) -> str | None:
        """Why the state is "broken", in one line."""

    @property
    def models(self) -> Mapping[str, Served]:
        """By name; the first is the one that a request without a name gets. Empty while loading."""

    @property
    def stats(self) -> Stats:
        """Now."""

    def submit(self, job: Job) -> Ticket:
        """Take a job. It returns at once; ValueError (`UnknownModel` among them) says what is wrong with the job,
        `Full` and `NotTaking` (`Draining` among them) that it cannot be taken now. From any thread."""

    def drain(self, seconds: float | int) -> bool:
        """Take nothing new and finish what there is, for at most so many seconds; then rows end as "cancelled", each
        job with its `Finished`. Blocks until then; True where nothing had to be cancelled."""

    def stop(self) -> None:
        """`drain(0)`, and the threads end."""
