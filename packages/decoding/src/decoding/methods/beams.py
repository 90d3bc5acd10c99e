"""Beam search over the same session: several hypotheses a prompt, of which the best are kept at every step."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from tensors import PackedWeights, generator

from ..distribution.histories import histories
from ..distribution.sampling import processed
from ..protocols import LanguageModel
from ..requests.checks import check_request, room_of
from ..requests.constraints import mask_by
from ..requests.methods import check_method
from ..rows import Constraint
from ..session import Session
from ..settings.stop_strings import DecodeBytes
from ..settings.values import GenerationSettings
from ..settings.vocabulary import EndOfText, Vocabulary
from ..step import cached_transforms_of
from .ends import Ends, new_search
from .forced_words import best_of_banks, check_room, leave_room
from .hypotheses import IMPOSSIBLE, Search
from .largest import largest


@dataclass(eq=False)
class Prompt:
    """One prompt and its searches, one a group."""

    ids: tuple[int, ...]
    searches: list[Search]
    draws: Generator
    constraint: Constraint | None

    @property
    def open(self) -> bool:
        return any(search.open for search in self.searches)


def beam_search(
    model: LanguageModel,
    ids: Sequence[Sequence[int]],
    settings: GenerationSettings,
    *,
    end_of_text: EndOfText = None,
    decode_bytes: DecodeBytes | None = None,
    constraints: Sequence[Constraint | None] | None = None,
    pack: bool | PackedWeights = True,
    first_row: int = 0,
) -> list[list[Search]]:
    """The finished searches of every prompt, one a group; all prompts advance together.

    At every step the 2 x beams best continuations of a prompt's hypotheses are looked at (Lowerre 1976, "The HARPY
    Speech Recognition System"; Graves 2012, arXiv 1211.3711). With groups, each group in turn loses
    `diversity_penalty` on a token for every hypothesis of an earlier group that just took it (Vijayakumar et al. 2016,
    "Diverse Beam Search", arXiv 1610.02424). With a temperature the candidates are drawn without replacement, by the
    Gumbel-top-k trick (Kool et al. 2019, arXiv 1903.06059). As in transformers the settings' steps act on
    log-probabilities, which are not normalized again; CTranslate2 changes the logits.
    """
    check_method(settings, ("beams", "loop"), "beam_search")
    vocabulary = check_request(model, ids, settings, end_of_text, decode_bytes, first_row=first_row)
    rooms = [max(0, room_of(model, prompt) - len(prompt)) for prompt in ids]
    for number, room in enumerate(rooms, start=first_row + 1):
        check_room(settings.forced_words, min(settings.max_new_tokens, room), number, vocabulary.ends)
    ends = Ends(settings, vocabulary.ends, decode_bytes)
    prompts = [
        Prompt(
            tuple(prompt),
            [new_search(settings, ends, room) for _ in range(settings.beam_groups)],
            generator(settings.seed, first_row + number),
            None if constraints is None else constraints[number],
        )
        for number, (prompt, room) in enumerate(zip(ids, rooms, strict=True))
    ]
    _advance_all(model, prompts, settings, vocabulary, pack)
    return [prompt.searches for prompt in prompts]


def _advance_all(
    model: LanguageModel,
    prompts: list[Prompt],
    settings: GenerationSettings,
    vocabulary: Vocabulary,
    pack: bool | PackedWeights,
) -> None:
    active = [prompt for prompt in prompts if prompt.open]
    if not active:
        return
    longest = max(len(prompt.ids) for prompt in active)
    different = list(dict.fromkeys(prompt.ids for prompt in active))  # equal prompts are read once
    session = Session(model, len(different), longest + settings.max_new_tokens, pack=pack)
    logits = session.feed(different)
    beams = [different.index(prompt.ids) for prompt in active for _ in range(settings.beams)]
    session.select(beams)
    logits = logits[beams]
    while active:
        parents = _step(logits, active, settings, vocabulary)
        going_on = [number for number, prompt in enumerate(active) if prompt.open]
        active = [active[number] for number in going_on]
        if active:
            session.select([number * settings.beams + parent for number in going_on for parent in parents[number]])
            logits = session.feed([ids[-1:] for prompt in active for ids in running(prompt)])


def running(prompt: Prompt) -> list[list[int]]:
    """The running hypotheses of all groups of a prompt, in the order of their rows."""
    return [ids for search in prompt.searches for ids in search.running]


def _step(
    logits: Float[Tensor, "B V"], prompts: list[Prompt], settings: GenerationSettings, vocabulary: Vocabulary
) -> list[list[int]]:
    """Every search takes its best candidates; for each prompt the rows (within it) that its new rows go on from."""
    rows = [ids for prompt in prompts for ids in running(prompt)]
    owners = [prompt for prompt in prompts for _ in range(settings.beams)]
    past = histories([prompt.ids for prompt in owners], rows, logits.device)
    transforms = cached_transforms_of(settings, vocabulary)
    changed = processed(
        logits.log_softmax(dim=-1), transforms, past, [prompt.draws for prompt in owners], may_ban_all=True
    )
    ends = vocabulary.ends if settings.stop_at_end_of_text else ()
    if settings.forced_words:
        rooms = [owner.searches[0].most_new for owner in owners]
        changed = leave_room(changed, rows, settings.forced_words, rooms, ends)
    if any(prompt.constraint is not None for prompt in prompts):
        living = [
            total > IMPOSSIBLE / 2 for prompt in prompts for one in prompt.searches for total in one.totals.tolist()
        ]
        masked = zip(owners, rows, changed, living, strict=True)
        # Hypotheses that are none may hold anything, which a constraint need not understand.
        changed = torch.stack(
            [mask_by(one.constraint if lives else None, ids, row, ends) for one, ids, row, lives in masked]
        )
    scores = changed.view(len(prompts), settings.beam_groups, -1, logits.shape[-1])
    parents: list[list[int]] = [[] for _ in prompts]
    for group in range(settings.beam_groups):
        _advance_group(scores[:, group], prompts, group, settings, parents)
    return parents


def _advance_group(
    scores: Float[Tensor, "P K V"],
    prompts: list[Prompt],
    group: int,
    settings: GenerationSettings,
    parents: list[list[int]],
) -> None:
    n_vocab, size = scores.shape[-1], scores.shape[1]
    if group > 0:
        scores = torch.stack([diverse(one, prompt, group) for one, prompt in zip(scores, prompts, strict=True)])
    searches = [prompt.searches[group] for prompt in prompts]
    totals = scores + torch.stack([search.totals for search in searches]).to(scores)[:, :, None]
    flat = totals.flatten(1)
    keys = flat if settings.is_greedy else flat + torch.stack([gumbel(prompt, flat) for prompt in prompts])
    chosen = largest(keys, 2 * size)
    for number, search in enumerate(searches):
        if search.open:
            places = chosen[number]
            if settings.forced_words:
                places = best_of_banks(search, totals[number], keys[number].view(size, n_vocab), settings.forced_words)
            best = flat[number, places].cpu()
            if best[0] < IMPOSSIBLE / 2:
                raise ValueError(
                    "wanted at least one token that may come, got none for any beam; the settings ban them all"
                )
            kept = search.take(best, (places // n_vocab).tolist(), (places % n_vocab).tolist())
        else:  # its rows stay until the prompt's other groups are done
            kept = list(range(size))
            search.running = [[*ids, ids[-1]] for ids in search.running]
        parents[number] += [group * size + parent for parent in kept]


def diverse(scores: Float[Tensor, "K V"], prompt: Prompt, group: int) -> Float[Tensor, "K V"]:
    """The scores less the penalty for every hypothesis of an earlier group that took the token at this step."""
    own = prompt.searches[group]
    earlier = [search for search in prompt.searches[:group] if len(search.trace) > len(own.trace)]
    taken = [ids[-1] for search in earlier for ids in search.running]
    times = torch.bincount(torch.tensor(taken, dtype=torch.int64, device=scores.device), minlength=scores.shape[-1])
    return scores - own.settings.diversity_penalty * times


def gumbel(prompt: Prompt, like: Tensor) -> Float[Tensor, " N"]:
    """Gumbel noise from the prompt's own generator: the largest of log-probability + noise is a fair draw."""
    uniforms = torch.rand(like.shape[1], generator=prompt.draws).clamp(min=1e-20)
    return -(-uniforms.log()).clamp(min=1e-20).log().to(like)
