"""Several ids for one call of the model: someone cheap proposes them, the model checks all of them at once.

What comes out has exactly the distribution that the model alone would give, and greedily the same ids.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from tensors import PackedWeights, generator

from ..distribution.histories import histories
from ..distribution.sampling import draw_uniforms, processed, sample
from ..protocols import LanguageModel
from ..requests.checks import check_request, room_of
from ..requests.methods import check_method, check_only_text
from ..rows import Generated, Row
from ..session import Session
from ..settings.stop_strings import DecodeBytes, StopStrings
from ..settings.values import GenerationSettings
from ..settings.vocabulary import EndOfText, Vocabulary
from ..step import cached_transforms_of
from .drafts import Draft, PromptLookup


@runtime_checkable
class Drafter(Protocol):
    """Proposes how rows may go on. `decoding.PromptLookup` and `decoding.DraftModel` do."""

    def propose(self, rows: Sequence[Row], most: Sequence[int], vocabulary: Vocabulary) -> list[Draft]:
        """For row r at most `most[r]` ids. `vocabulary` says which may come, and which of them end a row."""

    def learn(self, row: Row, proposed: int, accepted: int) -> None:
        """How many of the ids proposed for this row were right."""

    def select(self, places: Sequence[int]) -> None:
        """Only the rows at these places go on."""


def generate_speculatively(
    model: LanguageModel,
    drafter: Drafter,
    ids: Sequence[Sequence[int]],
    settings: GenerationSettings | None = None,
    *,
    end_of_text: EndOfText = None,
    decode_bytes: DecodeBytes | None = None,
    pack: bool | PackedWeights = True,
    first_row: int = 0,
) -> list[Generated]:
    """`generate_ids`, several ids a step where the drafter guesses right, for ragged batches too.

    An id that the model gives probability p and the drafter gave q is accepted with probability min(1, p / q), else one
    is drawn from what p has more than q (Leviathan, Kalman and Matias 2022, arXiv 2211.17192; Chen et al. 2023, arXiv
    2302.01318). A row draws other numbers than in plain sampling, so the texts differ but not their distribution.
    """
    settings = settings or GenerationSettings()
    looks_up = isinstance(drafter, PromptLookup)
    check_method(settings, ("loop", "lookup") if looks_up else ("loop",), "generate_speculatively")
    check_only_text(settings, "generate_speculatively")
    vocabulary = check_request(model, ids, settings, end_of_text, decode_bytes, first_row=first_row)
    rows = [
        Row(
            tuple(prompt),
            settings,
            generator(settings.seed, first_row + number),
            stops=StopStrings(settings.stop, decode_bytes) if settings.stop and decode_bytes else None,
        )
        for number, prompt in enumerate(ids)
    ]
    active = [row for row in rows if not _is_full(row, model)]
    if active:
        longest = max(len(row.prompt) for row in active) + settings.max_new_tokens
        _run(Session(model, len(active), longest, pack=pack), drafter, active, vocabulary)
    return [row.result for row in rows]


def _run(session: Session, drafter: Drafter, rows: list[Row], vocabulary: Vocabulary) -> None:
    while rows:
        room = min(session.model.n_ctx, session.cache_length) - max(session.held) - max(len(r.pending) for r in rows)
        rooms = [min(room, room_of(session.model, row.prompt) - len(row.prompt) - len(row.ids)) for row in rows]
        most = [
            max(0, min(room, row.settings.max_new_tokens - len(row.ids) - 1))
            for room, row in zip(rooms, rows, strict=True)
        ]
        drafts = drafter.propose(rows, most, vocabulary)
        fed = [[*row.pending, *draft.ids] for row, draft in zip(rows, drafts, strict=True)]
        if any(draft.ids for draft in drafts):
            logits = session.feed_all(fed)
            after = [one[len(row.pending) - 1 :] for one, row in zip(logits, rows, strict=True)]
        else:
            after = [one[None] for one in session.feed(fed)]
        for row, draft, one in zip(rows, drafts, after, strict=True):
            row.read += len(row.pending)
            row.pending.clear()
            accepted = verify(row, draft, one[: len(draft.ids) + 1], vocabulary)
            drafter.learn(row, len(draft.ids), accepted)
            row.read += len(row.pending) - 1
            del row.pending[:-1]
            _is_full(row, session.model)
        places = [place for place, row in enumerate(rows) if row.finish_reason is None]
        rows = [rows[place] for place in places]
        if rows:
            drafter.select(places)
            session.select(places)
            session.cut([row.read for row in rows])


def _is_full(row: Row, model: LanguageModel) -> bool:
    if row.finish_reason is None and len(row.prompt) + len(row.ids) >= room_of(model, row.prompt):
        row.finish_reason = "length"
    return row.finish_reason is not None


def verify(row: Row, draft: Draft, logits: Float[Tensor, "T V"], vocabulary: Vocabulary) -> int:
    """Append the proposed ids that stand the test and one more; how many stood it. `logits` are those after the row's
    last id and after each proposed one."""
    transforms = cached_transforms_of(row.settings, vocabulary)
    written = [[*row.ids, *draft.ids[:count]] for count in range(len(draft.ids) + 1)]
    past = histories([row.prompt] * len(written), written, logits.device)
    changed = processed(logits, transforms, past, [row.draws] * len(written))
    likeliest = changed.argmax(dim=-1).tolist()
    for place, token in enumerate(draft.ids):
        if row.settings.is_greedy:
            right, instead = token == likeliest[place], likeliest[place]
        else:
            right, instead = accept(row, changed[place], token, draft.probabilities_at(place, logits.shape[-1]))
        row.append(token if right else instead, vocabulary.ends)
        if not right or row.finish_reason is not None:
            return place + right
    last = likeliest[-1] if row.settings.is_greedy else int(sample(changed[-1:], draw_uniforms([row.draws])))
    row.append(last, vocabulary.ends)
    return len(draft.ids)


def accept(row: Row, logits: Float[Tensor, " V"], token: int, proposed: Float[Tensor, " V"] | None) -> tuple[bool, int]:
    """Whether `token`, drawn from the distribution `proposed` (None: it was certain), is accepted, and if not, the id
    that comes instead."""
    wanted = logits.softmax(dim=-1)
    if proposed is None:
        proposed = torch.zeros_like(wanted).index_fill(0, torch.tensor(token, device=wanted.device), 1.0)
    uniform, other = draw_uniforms([row.draws, row.draws]).tolist()
    if uniform * proposed[token] < wanted[token]:
        return True, token
    missing = (wanted - proposed).clamp(min=0)
    return False, int(sample(missing.log()[None], torch.tensor([other], dtype=torch.float64)))
