"""Where in a model, and at which token, an answer is made: values of one run put into another, one at a time.

Two prompts that differ in one respect give two answers. What stands at a place and token of the clean run goes into the
corrupted one: where the clean answer comes back, it passes through there (activation patching: Vig et al. 2020; Meng et
al. 2022). Causal tracing needs one prompt only: the corrupted run is the same one with noise on its subject.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gpt2 import GPT2
from trainkit import evaluating
from workbench import Progress, unwatched

from ..places import blocks_of, chosen_places
from ..trace import editing, tracing

PLACES_PATCHED = ("*.resid_pre", "*.attention.out", "*.feed_forward.out")


@dataclass(frozen=True)
class Patching:
    """What the answer becomes with one value put in: [P, T] for places (or heads) `names` and tokens, beside the
    answers of both runs. `measure` says what the numbers are: a logit, a difference of two, or a probability."""

    names: tuple[str, ...]
    patched: Float[Tensor, "P T"]
    clean: float
    corrupted: float
    measure: str

    @property
    def recovered(self) -> Float[Tensor, "P T"]:
        """The share of the way from the corrupted answer to the clean one; NaN where both are equal but for
        rounding."""
        way = self.clean - self.corrupted
        return (self.patched - self.corrupted) / (way if abs(way) > 1e-6 * max(1.0, abs(self.clean)) else float("nan"))


def patch(
    model: GPT2,
    clean: Int[Tensor, "_ T"],
    corrupted: Int[Tensor, "_ S"],
    target: int,
    against: int | None = None,
    *,
    places: str | Sequence[str] = PLACES_PATCHED,
    progress: Progress = unwatched,
) -> Patching:
    """The logit of `target` after the last token, less that of `against` if given, in the corrupted run with what stood
    at each place and token of the clean one.

    places: as for `tracing`; `*.attention.heads` goes head by head, patterns and logits have no tokens and are refused.
    ValueError for prompts of unequal length: then no token of one stands where its like does in the other.
    """
    if clean.shape != corrupted.shape or len(clean) != 1:
        raise ValueError(
            f"wanted two prompts of as many tokens, got {clean.shape[-1]} and {corrupted.shape[-1]}; change words in "
            "one without changing how many tokens they take"
        )
    check_ids(model, [target] if against is None else [target, against])

    def answer(logits: Tensor) -> Tensor:
        return logits[:, target] if against is None else logits[:, target] - logits[:, against]

    measure = "logit" if against is None else "logit difference"
    return _patched(model, clean, corrupted, {}, 1, places, answer, measure, progress)


def trace_causally(
    model: GPT2,
    tokens: Int[Tensor, "_ T"],
    subject: Sequence[int],
    target: int,
    *,
    noise: float = 3.0,
    samples: int = 10,
    generator: torch.Generator,
    places: str | Sequence[str] = PLACES_PATCHED,
    progress: Progress = unwatched,
) -> Patching:
    """The probability of `target` after the last token, with noise on the vectors of the subject's tokens and one value
    restored (Meng et al. 2022, "Locating and Editing Factual Associations in GPT", section 2.1).

    subject: numbers of the noisy tokens. noise: its standard deviation, in those of the token table. samples: draws
        from `generator`, whose results are averaged; each is the same for all places and tokens.
    ValueError for a subject that is not in the text, and as `patch` for places.
    """
    rows, length = tokens.shape
    if rows != 1 or not subject or min(subject) < 0 or max(subject) >= length:
        raise ValueError(
            f"subject: wanted tokens 0 to {length - 1} of one row, got {list(subject)} of {rows}; count from 0"
        )
    if samples < 1 or noise <= 0:
        raise ValueError(f"wanted a noise above 0 and at least 1 sample, got {noise=}, {samples=}; leave them out")
    check_ids(model, [target])
    with torch.no_grad():
        vectors = model.token_embedding(torch.arange(model.n_vocab, device=tokens.device)[None])
    deviation = float(vectors.float().std())
    shape = (samples, len(subject), model.config.n_embd)
    draws = (torch.randn(shape, generator=generator) * noise * deviation).to(tokens.device)
    where = torch.tensor(subject, device=tokens.device)

    def disturb(x: Tensor) -> Tensor:
        x[:, where] += draws.repeat(len(x) // samples, 1, 1)
        return x

    def answer(logits: Tensor) -> Tensor:
        return logits.softmax(dim=-1)[:, target]

    return _patched(model, tokens, tokens, {"embed": disturb}, samples, places, answer, "probability", progress)


def _patched(
    model: GPT2,
    clean: Tensor,
    corrupted: Tensor,
    disturbance: Mapping[str, Callable[[Tensor], Tensor]],
    samples: int,
    places: str | Sequence[str],
    answer: Callable[[Tensor], Tensor],
    measure: str,
    progress: Progress,
) -> Patching:
    """Rows of a batch are the tokens where a value is put in, `samples` of each."""
    wanted = chosen_places(model, places)
    if wrong := [name for name in wanted if name == "logits" or name.endswith("pattern")]:
        raise ValueError(f"places: wanted such as have a value for each token, got {wrong[0]}; patch the heads instead")
    length, n_head = clean.shape[1], blocks_of(model)[0].attention.n_head
    heads = {name: range(n_head) if name.endswith("heads") else (None,) for name in wanted}
    names, results = [], []
    done, total = 0, sum(map(len, heads.values()))
    progress(0, total)
    with evaluating(model):
        with tracing(model, wanted) as found:
            of_clean = answer(model(clean, last_only=True).float())[0]
        with editing(model, disturbance):
            of_corrupted = answer(model(corrupted.expand(samples, -1), last_only=True).float()).mean()
            for name in wanted:
                for head in heads[name]:
                    put = _putting(found[name], samples, head)
                    with editing(model, {name: put}):
                        logits = model(corrupted.expand(length * samples, -1), last_only=True).float()
                    results.append(answer(logits).view(length, samples).mean(dim=1))
                    names.append(name if head is None else f"{name.partition('.')[0]}.head.{head}")
                    done += 1
                    progress(done, total)
    return Patching(tuple(names), torch.stack(results).cpu(), float(of_clean), float(of_corrupted), measure)


def _putting(value: Tensor, samples: int, head: int | None) -> Callable[[Tensor], Tensor]:
    """An edit of rows for every token: into those of token t goes `value` at t, or one head of it."""
    tokens = torch.arange(value.shape[1], device=value.device)
    rows = tokens.repeat_interleave(samples)

    def put(x: Tensor) -> Tensor:
        every = torch.arange(len(rows), device=x.device)
        if head is None:
            x[every, rows] = value[0, rows]
        else:
            x[every, rows, head] = value[0, rows, head]
        return x

    return put


def check_ids(model: GPT2, ids: Sequence[int]) -> None:
    """ValueError for an id outside the vocabulary."""
    if wrong := [one for one in ids if not 0 <= one < model.n_vocab]:
        raise ValueError(f"wanted ids from 0 to {model.n_vocab - 1}, got {wrong[0]}; encode with the model's tokenizer")
