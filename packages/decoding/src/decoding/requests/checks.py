"""What one may ask of a model: checked before the first token, and answered in words that say what to do."""

from collections.abc import Sequence
from operator import index

from workbench import shorten

from ..protocols import LanguageModel
from ..rows import Constraint
from ..settings.stop_strings import DecodeBytes
from ..settings.values import GenerationSettings
from ..settings.vocabulary import EndOfText, Vocabulary, vocabulary_of


def check_request(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    settings: GenerationSettings,
    end_of_text: EndOfText,
    decode_bytes: DecodeBytes | None,
    *,
    first_row: int | None = 0,
) -> Vocabulary:
    """Which ids rows may hold, and which end them. TypeError for what is no `LanguageModel`; ValueError for prompts
    that it cannot take, for ids that it lacks, and for settings about text without `decode_bytes`. Messages number the
    prompts from first_row + 1; with None there is one, "the prompt"."""
    check_model(model)
    vocabulary = vocabulary_of(model.n_vocab, end_of_text, decode_bytes)
    check_ids(vocabulary.ends, "end_of_text", model.n_vocab)
    check_row_settings(settings, model, vocabulary, decode_bytes)
    for number, prompt in enumerate(map(ids_of, prompts), start=1):
        check_prompt(prompt, "the prompt" if first_row is None else f"prompt {first_row + number}", model)
    return vocabulary


def check_model(model: object) -> None:
    """TypeError for what is no `LanguageModel`."""
    if not isinstance(model, LanguageModel):
        missing = [name for name in ("new_cache", "n_ctx", "n_vocab") if not hasattr(model, name)]
        raise TypeError(
            f"wanted a model with new_cache, n_ctx and n_vocab, got {type(model).__name__} without {missing}; "
            "wrap it in a class that has them (decoding.LanguageModel says what each does)"
        )


def ids_of(prompt: object) -> list[int]:
    """A prompt as ids, whatever whole numbers it holds. TypeError for what is no row of ids."""
    try:
        if not isinstance(prompt, str | bytes):
            return [index(token) for token in prompt]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        pass
    what = f"the text {prompt[:40]!r}" if isinstance(prompt, str) else shorten(repr(prompt), 60)
    advice = "encode it, or use generate" if isinstance(prompt, str) else "write [[15, 496]] for a list of one prompt"
    raise TypeError(f"wanted a row of ids as a prompt, got {what}; {advice}")


def check_constraints(constraints: Sequence[Constraint | None] | None, prompts: int) -> None:
    """ValueError unless there are as many constraints as prompts, or none; TypeError for one that cannot be called."""
    if constraints is None:
        return
    if len(constraints) != prompts:
        raise ValueError(
            f"wanted constraints for {prompts} prompts, got {len(constraints)}; give one for each, None for a free row"
        )
    for number, one in enumerate(constraints):
        if one is not None and not callable(one):
            raise TypeError(f"wanted constraints that are functions or None, got {one!r} as number {number}; wrap it")


def check_ids(ids: Sequence[int], name: str, n_vocab: int) -> None:
    """ValueError for ids outside the vocabulary."""
    strangers = [token for token in ids if not 0 <= token < n_vocab]
    if strangers:
        raise ValueError(
            f"wanted ids from 0 to {n_vocab - 1} (the model's vocabulary), got {strangers[0]} in {name}; "
            "encode with the tokenizer that belongs to the model"
        )


def check_prompt(prompt: Sequence[int], name: str, model: LanguageModel) -> None:
    """ValueError, in which the prompt has a name ("prompt 3 of 4", from 1), for one that is empty, longer than the
    context, or not of this model's vocabulary."""
    if not 1 <= len(prompt) <= model.n_ctx:
        advice = "shorten it" if len(prompt) else "start from the end-of-text token for a text without a beginning"
        raise ValueError(
            f"wanted prompts of 1 to {model.n_ctx} tokens (the model's n_ctx), got {len(prompt)} in {name}; {advice}"
        )
    check_ids(prompt, name, model.n_vocab)


def check_row_settings(
    settings: GenerationSettings, model: LanguageModel, vocabulary: Vocabulary, decode_bytes: DecodeBytes | None
) -> None:
    """ValueError for settings about ids that the model lacks, for ids that must come and may not, as nobody knows them,
    and for settings about text where there is no tokenizer."""
    biased = tuple(ids for ids, _ in settings.logit_bias)
    for name, ids in (("banned", settings.banned), ("logit_bias", biased)):
        for sequence in ids:
            check_ids(sequence, name, model.n_vocab)
    known = model.n_vocab if vocabulary.known is None else vocabulary.known
    for name, ids in (("forced_words", settings.forced_words), ("forced_prefix", (settings.forced_prefix,))):
        for sequence in ids:
            check_ids(sequence, name, known)
    if settings.stop and decode_bytes is None:
        raise ValueError(
            f"wanted decode_bytes to find the stop strings {settings.stop} in the text, got none; pass the tokenizer's"
        )


def room_of(model: LanguageModel, prompt: Sequence[int]) -> int:
    """How many ids this prompt and its continuation may be together: n_ctx, unless the model says less in `room`."""
    room = getattr(model, "room", None)
    return model.n_ctx if room is None else int(room(len(prompt)))
