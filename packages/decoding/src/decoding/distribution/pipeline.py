"""Settings become a list of named transforms from logits to logits, in the order of transformers or of llama.cpp."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from ..settings.values import GenerationSettings
from ..settings.vocabulary import Vocabulary
from . import penalties, truncation, words
from .histories import Histories

NO_ENDS = Vocabulary()


class Transform(NamedTuple):
    """A change to the distribution: the name of its setting, and a function of logits "B V", histories and, where
    `draws`, of a uniform number per row."""

    name: str
    change: Callable[..., Float[Tensor, "B V"]]
    draws: bool = False


def transforms_of(settings: GenerationSettings, vocabulary: Vocabulary = NO_ENDS) -> list[Transform]:
    """What the settings change, first to last; those that change nothing are left out. Before all of them the ids that
    the vocabulary does not know are left out ("unknown ids").

    transformers: bias, penalties, bans, then (only where tokens are drawn) temperature, top-k, top-p, min-p, typical,
    epsilon, eta; DRY and the counting penalties, which it lacks, stand beside its repetition penalty, top-n-sigma
    before top-k and XTC at the end. llama.cpp: bias, penalties, DRY, top-n-sigma, top-k, typical, top-p, min-p, XTC,
    temperature (epsilon and eta, which it lacks, after min-p).
    """
    unknown = partial(words.known_only, known=vocabulary.known)
    return [
        *([] if vocabulary.known is None else [Transform("unknown ids", lambda logits, histories: unknown(logits))]),
        *_about_words(settings, vocabulary.ends),
        *([] if settings.is_greedy else _about_chance(settings)),
    ]


def _about_words(s: GenerationSettings, ends: tuple[int, ...]) -> list[Transform]:
    def on(
        past: Callable[[Histories], Tensor], function: Callable[..., Tensor], *values: object
    ) -> Callable[..., Tensor]:
        return lambda logits, histories: function(logits, past(histories), *values)

    def ids(past: Histories) -> Tensor:
        return past.ids

    def new(past: Histories) -> Tensor:
        return past.new

    def n_new(past: Histories) -> Tensor:
        return past.n_new

    not_before = s.min_new_tokens if s.stop_at_end_of_text and ends else 0
    possible = (
        (s.logit_bias, "logit_bias", on(ids, words.sequence_bias, s.logit_bias)),
        (s.repetition_penalty != 1, "repetition_penalty", on(ids, penalties.repetition_penalty, s.repetition_penalty)),
        (s.frequency_penalty, "frequency_penalty", on(new, penalties.frequency_penalty, s.frequency_penalty)),
        (s.presence_penalty, "presence_penalty", on(new, penalties.presence_penalty, s.presence_penalty)),
        (
            s.dry_multiplier,
            "dry_multiplier",
            on(ids, penalties.dry, s.dry_multiplier, s.dry_base, s.dry_allowed_length),
        ),
        (s.no_repeat_ngram_size, "no_repeat_ngram_size", on(ids, penalties.no_repeat_ngram, s.no_repeat_ngram_size)),
        (s.banned, "banned", on(ids, words.ban, s.banned)),
        (not_before, "min_new_tokens", on(n_new, words.not_yet, ends, s.min_new_tokens)),
        (s.forced_prefix, "forced_prefix", on(n_new, words.force_prefix, s.forced_prefix)),
    )
    return [Transform(name, change) for switched_on, name, change in possible if switched_on]


def _about_chance(s: GenerationSettings) -> list[Transform]:
    keep = 2 if s.beams > 1 else 1  # a beam needs something beside the end of text (as in transformers)

    def by(function: Callable[..., Tensor], value: float | int) -> Callable[..., Tensor]:
        return lambda logits, histories: function(logits, value, keep=keep)

    def excluded(logits: Tensor, histories: Histories, uniforms: Tensor) -> Tensor:
        return truncation.exclude_top_choices(logits, uniforms, s.xtc_probability, s.xtc_threshold, keep=keep)

    heat = partial(truncation.temperature, value=s.temperature)
    possible = {
        "temperature": (s.temperature != 1, Transform("temperature", lambda logits, histories: heat(logits))),
        "top_n_sigma": (s.top_n_sigma, Transform("top_n_sigma", by(truncation.top_n_sigma, s.top_n_sigma))),
        "top_k": (s.top_k, Transform("top_k", by(truncation.top_k, s.top_k))),
        "top_p": (s.top_p < 1, Transform("top_p", by(truncation.top_p, s.top_p))),
        "min_p": (s.min_p, Transform("min_p", by(truncation.min_p, s.min_p))),
        "typical_p": (s.typical_p < 1, Transform("typical_p", by(truncation.typical, s.typical_p))),
        "epsilon_cutoff": (s.epsilon_cutoff, Transform("epsilon_cutoff", by(truncation.epsilon, s.epsilon_cutoff))),
        "eta_cutoff": (s.eta_cutoff, Transform("eta_cutoff", by(truncation.eta, s.eta_cutoff))),
        "xtc_probability": (s.xtc_probability, Transform("xtc_probability", excluded, draws=True)),
    }
    return [possible[name][1] for name in ORDERS[s.order] if possible[name][0]]


ORDERS = {
    "transformers": (
        "temperature",
        "top_n_sigma",
        "top_k",
        "top_p",
        "min_p",
        "typical_p",
        "epsilon_cutoff",
        "eta_cutoff",
        "xtc_probability",
    ),
    "llama.cpp": (
        "top_n_sigma",
        "top_k",
        "typical_p",
        "top_p",
        "min_p",
        "epsilon_cutoff",
        "eta_cutoff",
        "xtc_probability",
        "temperature",
    ),
}
