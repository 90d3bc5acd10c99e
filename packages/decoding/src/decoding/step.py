"""One step of the loop after the model has spoken: constraints, transforms, a choice, and what to report."""

from collections.abc import Sequence
from functools import lru_cache

from jaxtyping import Float, Int
from torch import Tensor

from .distribution.histories import Histories, histories
from .distribution.pipeline import Transform, transforms_of
from .distribution.sampling import draw_uniforms, greedy, processed, sample
from .requests.constraints import constrained
from .rows import Likely, Row
from .settings.values import GenerationSettings
from .settings.vocabulary import Vocabulary

cached_transforms_of = lru_cache(maxsize=64)(transforms_of)


def choose(
    logits: Float[Tensor, "B V"], rows: Sequence[Row], vocabulary: Vocabulary, likeliest: Sequence[int] | None = None
) -> None:
    """Append an id to each row, chosen as its settings say; rows with equal settings are worked on together.
    `likeliest`: the id of each row's largest logit, where that is known (-1: it is no number)."""
    if likeliest is not None and -1 not in likeliest and all_take_the_largest(rows, vocabulary):
        for row, token in zip(rows, likeliest, strict=True):
            row.append(token, vocabulary.ends)
        return
    groups: dict[GenerationSettings, list[int]] = {}
    for number, row in enumerate(rows):
        groups.setdefault(row.settings, []).append(number)
    for settings, numbers in groups.items():
        own = logits if len(groups) == 1 else logits[numbers]
        choose_together(own, [rows[number] for number in numbers], settings, vocabulary)


def choose_together(
    logits: Float[Tensor, "B V"], rows: Sequence[Row], settings: GenerationSettings, vocabulary: Vocabulary
) -> None:
    """`choose` for rows that share their settings."""
    transforms = cached_transforms_of(settings, vocabulary)
    past = past_of(rows, transforms, logits)
    changed = processed(constrained(logits, rows, vocabulary), transforms, past, [row.draws for row in rows])
    chosen = greedy(changed) if settings.is_greedy else sample(changed, draw_uniforms([row.draws for row in rows]))
    if settings.log_probabilities is not None:
        report(logits, chosen, rows, settings.log_probabilities, vocabulary.known)
    for row, token in zip(rows, chosen.tolist(), strict=True):
        row.append(token, vocabulary.ends)


def all_take_the_largest(rows: Sequence[Row], vocabulary: Vocabulary) -> bool:
    """Whether no row asks for anything else than the id of its largest logit."""
    different = {id(row.settings): row.settings for row in rows}.values()
    return all(row.constraint is None for row in rows) and all(only_compares(one, vocabulary) for one in different)


def only_compares(settings: GenerationSettings, vocabulary: Vocabulary) -> bool:
    """Whether settings take the largest of the logits as they are."""
    return settings.is_greedy and settings.log_probabilities is None and not cached_transforms_of(settings, vocabulary)


def past_of(rows: Sequence[Row], transforms: Sequence[Transform], logits: Tensor) -> Histories:
    """The rows' histories, or empty ones where no transform could look at them."""
    if not transforms:
        return histories([()] * len(rows), [()] * len(rows), logits.device)
    return histories([row.prompt for row in rows], [row.ids for row in rows], logits.device)


def report(
    logits: Float[Tensor, "B V"],
    chosen: Int[Tensor, " B"],
    rows: Sequence[Row],
    likeliest: int,
    known: int | None,
) -> None:
    """Note the log-probability of each chosen id and of the likeliest known ones, as the model itself gave them."""
    log_probabilities = logits.log_softmax(dim=-1)
    own = log_probabilities.gather(1, chosen[:, None]).squeeze(1).tolist()
    values, ids = log_probabilities[:, :known].topk(min(likeliest, known or logits.shape[-1]))
    for number, row in enumerate(rows):
        row.log_probabilities.append(own[number])
        pairs: Likely = tuple(zip(ids[number].tolist(), values[number].tolist(), strict=True))
        row.likeliest.append(pairs)
