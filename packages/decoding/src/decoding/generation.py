"""The front door: ids in, ids out, by the method that the settings ask for."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tensors import PackedWeights

from .loop import Batch
from .methods.dispatch import generate_by_method, method_of
from .protocols import LanguageModel
from .requests.checks import check_constraints, check_model, ids_of
from .rows import Constraint, Generated
from .settings.stop_strings import DecodeBytes
from .settings.values import GenerationSettings, settings_of_each, with_changes
from .settings.vocabulary import EndOfText


def generate_ids(
    model: LanguageModel,
    ids: Sequence[Sequence[int]],
    settings: GenerationSettings | Sequence[GenerationSettings] | None = None,
    *,
    end_of_text: EndOfText = None,
    decode_bytes: DecodeBytes | None = None,
    constraints: Sequence[Constraint | None] | None = None,
    max_rows: int | None = None,
    cancelled: Callable[[], bool] | None = None,
    pack: bool | PackedWeights = True,
    first_row: int = 0,
    **changes: Any,
) -> list[Generated]:
    """Continue every prompt in `ids`, at most `max_rows` at a time (default: all), none of which influences another.

    Prompts may differ in length (1 to n_ctx ids; one of exactly n_ctx has no room and ends with "length" at once), and
    each may have settings of its own. The plain loop and beam search read equal prompts once. `end_of_text` is the id
    that ends a row, or several, None if there is none; a `Vocabulary` also leaves out the ids that no tokenizer knows.
    `decode_bytes` is needed for stop strings; `constraints[i]` says which ids
    may follow the new ids of row i. Row i draws from `tensors.generator(seed, first_row + i)`: prompts written in two
    calls draw as in one. `cancelled()` is asked before every step of the plain loop. Other
    keywords are settings: `temperature=0.7`. Raises ValueError for an empty or
    too long prompt and for ids outside the vocabulary, TypeError for a model that lacks a member of `LanguageModel`.
    """
    ids = [ids_of(prompt) for prompt in ids]
    check_constraints(constraints, len(ids))
    each = [with_changes(one, changes) for one in settings_of_each(settings, len(ids))]
    if any(method_of(one) != "loop" for one in each):
        return generate_by_method(model, ids, each, end_of_text, decode_bytes, constraints, pack, first_row)
    check_model(model)
    longest = max((len(prompt) + one.max_new_tokens for prompt, one in zip(ids, each, strict=True)), default=1)
    forgets = any(one.when_full != "stop" for one in each)
    batch = Batch(
        model,
        max_rows=max_rows or max(1, len(ids)),
        end_of_text=end_of_text,
        decode_bytes=decode_bytes,
        length=model.n_ctx if forgets else longest,
        pack=pack,
    )
    rows = [
        batch.add(prompt, one, None if constraints is None else constraints[number], number=first_row + number)
        for number, (prompt, one) in enumerate(zip(ids, each, strict=True))
    ]
    batch.run(cancelled)
    return [row.result for row in rows]


def samples(
    model: LanguageModel,
    prompt: Sequence[int],
    settings: GenerationSettings,
    count: int,
    *,
    end_of_text: EndOfText = None,
) -> list[Generated]:
    """`count` continuations of one prompt, which is read once, with log-probabilities; number i draws as row i of a
    batch does. `best_of` and `minimum_bayes_risk` choose among them. ValueError for settings that draw nothing."""
    if count < 1:
        raise ValueError(f"wanted a count of 1 or more, got {count}; 8 is usual")
    if settings.is_greedy and count > 1:
        raise ValueError(f"wanted settings that draw, got temperature 0 for {count} samples; set it above 0")
    settings = replace(settings, log_probabilities=settings.log_probabilities or 0)
    return generate_ids(model, [prompt] * count, settings, end_of_text=end_of_text)
