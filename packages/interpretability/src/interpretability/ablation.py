"""What a text costs without a part of the model: every head, neuron, layer, tried one after the other.

A part changes nothing before it, so of the pass only what comes after it is computed again, from the stream of a plain
pass: for the heads of the last layer that is one feed-forward layer and the head of the model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from evaluation.head_scores import score_head, score_states
from gpt2 import GPT2
from tensors import fast_products, generator as seeded
from trainkit import evaluating
from workbench import Progress, unwatched

from .interventions.effects import Effect, effects_of
from .interventions.narrow_changes import Unchanged, is_plain, unchanged
from .interventions.replacements import How, check_reference, donors, means
from .places import blocks_of
from .trace import tracing, weight_of

TOKENS_AT_ONCE = 2048
"""Tokens of a batch: its activations stay in the processor's cache."""


@dataclass(frozen=True)
class Part:
    """A part of a model: its name, the place where its value stands, and which slice of that it is (None: all)."""

    name: str
    layer: int
    kind: str
    number: int | None = None

    @property
    def places(self) -> tuple[str, ...]:
        """Where what it computes stands."""
        inside = {
            "positions": ("positions",),
            "head": (f"{self.layer}.attention.heads",),
            "attention": (f"{self.layer}.attention.out",),
            "neuron": (f"{self.layer}.feed_forward.hidden",),
            "feed_forward": (f"{self.layer}.feed_forward.out",),
            "block": (f"{self.layer}.attention.out", f"{self.layer}.feed_forward.out"),
        }
        return inside[self.kind]

    @property
    def stream(self) -> str:
        """The stream that it writes to, as it is once that is done."""
        after = {"positions": "resid_pre", "head": "resid_mid", "attention": "resid_mid"}
        return f"{self.layer}.{after.get(self.kind, 'resid_post')}"


def parts_of(model: GPT2) -> dict[str, Part]:
    """Every part that can be ablated, by its name: `positions`, and of each layer `0.head.0` …, `0.attention`,
    `0.neuron.0` …, `0.feed_forward`, and `0.block`, which is both of its halves."""
    parts = [Part("positions", 0, "positions")]
    for layer, block in enumerate(blocks_of(model)):
        parts += [Part(f"{layer}.head.{n}", layer, "head", n) for n in range(block.attention.n_head)]
        parts.append(Part(f"{layer}.attention", layer, "attention"))
        parts += [Part(f"{layer}.neuron.{n}", layer, "neuron", n) for n in range(block.feed_forward.hidden)]
        parts += [Part(f"{layer}.{kind}", layer, kind) for kind in ("feed_forward", "block")]
    return {part.name: part for part in parts}


def ablate(
    model: GPT2,
    tokens: Int[Tensor, "N T"],
    parts: str | Iterable[str] = "*.head.*",
    *,
    how: How = "mean",
    reference: Int[Tensor, "M S"] | None = None,
    at: Sequence[int] | None = None,
    generator: torch.Generator | None = None,
    progress: Progress = unwatched,
) -> list[Effect]:
    """The effect of each part on the loss of `tokens`, in nats a token: one part at a time is replaced.

    parts: names as in `parts_of(model)`, or patterns of them, such as `1.neuron.*`.
    how: by `zero`, by its `mean` over all tokens of `reference`, or `resample`: by what it was at the same token of a
        row drawn from `reference`, which needs rows as long, and draws from `generator`.
    at: numbers of the tokens where it is replaced (default: everywhere).
    Rows are the units of the intervals: twenty or more make sense. ValueError for parts that the model has not, for
    tokens that are not there, and for a reference that is missing or too short.
    """
    chosen = chosen_parts(model, parts)
    check_rows(model, tokens, at)
    check_reference(how, reference, tokens.shape[1])
    places = sorted({place for part in chosen for place in part.places})
    streams = sorted({part.stream for part in chosen})
    of_heads = sorted({part.layer for part in chosen if part.kind == "head"})
    streams += [f"{layer}.feed_forward.pre" for layer in of_heads]
    rows = max(1, TOKENS_AT_ONCE // tokens.shape[1])
    draws = generator or seeded("resample", 0)
    where = None if at is None else torch.tensor(at, device=tokens.device) % tokens.shape[1]
    plain: list[Tensor] = []
    changed: list[list[Tensor]] = [[] for _ in chosen]
    done, total = 0, len(chosen) * -(-len(tokens) // rows)
    progress(0, total)
    with evaluating(model), fast_products():
        put = means(model, reference, places, rows) if how == "mean" and reference is not None else {}
        for batch in tokens.split(rows):
            with tracing(model, [*places, *streams]) as found:
                plain.append(row_nats(model, model.hidden(batch), batch))
            layers = {layer: layer_before(model, layer, found) for layer in of_heads}
            if how == "resample" and reference is not None:
                put = donors(model, reference, batch, places, draws)
            for part, results in zip(chosen, changed, strict=True):
                results.append(row_nats(model, without(model, part, found, put, where, layers), batch))
                done += 1
                progress(done, total)
    return effects_of([part.name for part in chosen], torch.stack([torch.cat(r) for r in changed]), torch.cat(plain))


def layer_before(model: GPT2, layer: int, found: dict[str, Tensor]) -> Unchanged | None:
    """The feed-forward layer as it ran, where the shortcut for heads may be taken."""
    block: Any = blocks_of(model)[layer]
    if not is_plain(block):
        return None
    return unchanged(block, found[f"{layer}.resid_mid"], found[f"{layer}.feed_forward.pre"])


def without(
    model: GPT2,
    part: Part,
    found: dict[str, Tensor],
    put: dict[str, Tensor],
    where: Tensor | None,
    layers: dict[int, Unchanged | None],
) -> Float[Tensor, "B T C"]:
    """The final state with the part's value replaced at the tokens `where` (None: everywhere): the stream that it wrote
    to, changed by the difference, and what comes after."""
    blocks: list[Any] = list(blocks_of(model))
    block, stream = blocks[part.layer], found[part.stream]

    def difference(place: str) -> Tensor:
        old, new = found[place], put.get(place)
        if part.number is not None:
            old, new = old[:, :, part.number], new if new is None else new[:, :, part.number]
        change = -old if new is None else new - old
        return change if where is None else torch.zeros_like(change).index_copy_(1, where, change[:, where])

    if part.kind == "head":
        first = block.attention.head_size * (part.number or 0)
        columns = weight_of(block.attention.out)[:, first : first + block.attention.head_size]
        change = difference(part.places[0])
        changed = stream + change @ columns.T
        before = layers[part.layer]
        changed = changed + (
            before.after(changed, change, columns) if before else block.feed_forward(block.feed_forward_norm(changed))
        )
    elif part.kind == "neuron":
        column = weight_of(block.feed_forward.down)[:, part.number]
        changed = stream + difference(part.places[0])[..., None] * column
    else:
        changed = stream + torch.stack([difference(place) for place in part.places]).sum(dim=0)
        if part.kind == "attention":
            changed = changed + block.feed_forward(block.feed_forward_norm(changed))
    for later in blocks[part.layer + (part.kind != "positions") :]:
        changed = later(changed)
    return model.final_norm(changed)


def row_nats(model: GPT2, state: Float[Tensor, "B T C"], tokens: Int[Tensor, "B T"]) -> Float[Tensor, " B"]:
    """Nats a token of each row, all but its first token."""
    flat, targets, table = state[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), model.token_embedding
    same = table.weight.dtype == state.dtype
    nats = (score_head(flat, table.weight, targets) if same else score_states(flat, table.logits, targets))[0]
    return nats.view(len(tokens), -1).double().mean(dim=1)


def chosen_parts(model: GPT2, wanted: str | Iterable[str]) -> list[Part]:
    """The parts that `wanted` means, in the model's order. ValueError for a name that the model has no part for."""
    known, found = parts_of(model), set[str]()
    for pattern in (wanted,) if isinstance(wanted, str) else wanted:
        matching = [name for name in known if fnmatchcase(name, pattern)]
        if not matching:
            near = get_close_matches(pattern, known, n=1, cutoff=0.5)
            advice = f"did you mean {near[0]}?" if near else "parts_of(model) lists all"
            raise ValueError(f"wanted a part of this model, got {pattern!r}; {advice}")
        found.update(matching)
    if not found:
        raise ValueError("wanted at least one part, got none; name one, such as 0.head.0, or '*.head.*' for all heads")
    return [part for name, part in known.items() if name in found]


def check_rows(model: GPT2, tokens: Tensor, at: Sequence[int] | None = None) -> None:
    """ValueError for tokens that are no rows of two or more within the context, and for tokens that are not there."""
    if tokens.ndim != 2 or not 2 <= tokens.shape[1] <= model.n_ctx or len(tokens) == 0:
        raise ValueError(f"tokens: wanted rows [N, T] of 2 to {model.n_ctx}, got {list(tokens.shape)}; cut the text so")
    length = tokens.shape[1]
    if wrong := [place for place in at or () if not -length <= place < length]:
        raise ValueError(f"at: wanted tokens 0 to {length - 1} of a row, got {wrong[0]}; count from 0")
