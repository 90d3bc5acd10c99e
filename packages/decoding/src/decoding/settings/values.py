"""How to continue a text, as one value. Needs no torch, so a wrong setting is reported at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from workbench import nearest

from .checks import SEQUENCES, checked, frozen

Ids = tuple[int, ...]


@dataclass(frozen=True)
class GenerationSettings:
    """How tokens are drawn and when a row ends. Contradicting or out-of-range values raise ValueError.

    The names are those of transformers' generation_config.json where it has one; `read_settings` and
    `write_settings` read and write it.
    """

    max_new_tokens: int = 100
    """A row ends after so many new tokens (1 or more)."""
    min_new_tokens: int = 0
    """The end-of-text token cannot come before so many new tokens."""
    stop: tuple[str, ...] = ()
    """A row ends when its text holds one of these; the text is cut before it."""
    stop_at_end_of_text: bool = True
    """A row ends when it draws the end-of-text token."""
    when_full: Literal["stop", "drop_oldest_half"] = "stop"
    """At the model's context: end the row, or forget the oldest half of its tokens and go on."""
    log_probabilities: int | None = None
    """Report each new token's log-probability under the model itself, and those of so many likeliest at its place."""
    seed: int = 0
    """Row i draws from a generator of its own, made of (seed, i)."""

    temperature: float | int = 1.0
    """Divides the logits; 0 takes the likeliest token each time (greedy)."""
    top_k: int = 0
    """Draw among the k likeliest tokens only; 0 is off."""
    top_p: float | int = 1.0
    """Draw among the likeliest tokens that together hold this probability; 1 is off."""
    min_p: float | int = 0.0
    """Draw among tokens at least this share as likely as the likeliest; 0 is off."""
    typical_p: float | int = 1.0
    """Draw among the tokens closest to the expected surprise that together hold this probability; 1 is off."""
    epsilon_cutoff: float | int = 0.0
    """Draw among tokens at least this likely; 0 is off."""
    eta_cutoff: float | int = 0.0
    """As epsilon_cutoff, but lower where the distribution is flat; 0 is off."""
    top_n_sigma: float | int = 0.0
    """Draw among tokens whose logit is within so many standard deviations of the largest; 0 is off."""
    xtc_probability: float | int = 0.0
    """With this probability leave out, of the tokens above xtc_threshold, all but the least likely; 0 is off."""
    xtc_threshold: float | int = 0.1
    """The probability from which a token counts as a top choice for xtc_probability."""
    order: Literal["transformers", "llama.cpp"] = "transformers"
    """The order of the changes: temperature before the truncations, or last and the truncations as in llama.cpp."""

    repetition_penalty: float | int = 1.0
    """Logits of tokens that were there, prompt included, are divided (above 0) or multiplied by this; 1 is off."""
    frequency_penalty: float | int = 0.0
    """Taken from the logit of a new token, as often as it was generated; 0 is off."""
    presence_penalty: float | int = 0.0
    """Taken once from the logit of every token that was generated; 0 is off."""
    dry_multiplier: float | int = 0.0
    """Strength of the penalty on tokens that would prolong a repeated sequence; 0 is off."""
    dry_base: float | int = 1.75
    """That penalty grows by this factor with every token of the repeated sequence."""
    dry_allowed_length: int = 2
    """Repeated sequences up to this length are not penalized."""
    no_repeat_ngram_size: int = 0
    """No sequence of so many tokens comes twice, prompt included; 0 is off."""
    logit_bias: tuple[tuple[Ids, float], ...] = ()
    """Pairs of ids and a number: added to the logit of the last id where the ones before it have just come."""
    banned: tuple[Ids, ...] = ()
    """Sequences of ids that never come."""
    forced_prefix: Ids = ()
    """The ids with which every continuation begins."""
    forced_words: tuple[Ids, ...] = ()
    """Sequences of ids that come somewhere in every continuation, before its end (beam search only)."""

    beams: int = 1
    """Hypotheses kept side by side; 1 is no beam search. With a temperature other than 0 they are sampled."""
    beam_groups: int = 1
    """Groups of beams that are kept apart by diversity_penalty."""
    diversity_penalty: float | int = 0.0
    """Taken from a token's score for each earlier group that takes it at the same step."""
    length_penalty: float | int = 1.0
    """A hypothesis scores its summed log-probability / new tokens ** length_penalty."""
    early_stopping: bool | Literal["never"] = False
    """Stop at as many finished hypotheses as beams; False: when no running one could win if it ended; never: at all."""
    patience: float | int = 1.0
    """With early_stopping: wait for patience x beams finished hypotheses (Kasai et al. 2022)."""
    n_best: int = 1
    """So many hypotheses are returned."""

    penalty_alpha: float | int = 0.0
    """Contrastive search: the weight of not repeating oneself, against likelihood, among top_k tokens; 0 is off."""
    prompt_lookup_tokens: int = 0
    """Speculative decoding: look up so many tokens in what is already written, and check them at once; 0 is off."""

    def __post_init__(self) -> None:
        for name in SEQUENCES:
            object.__setattr__(self, name, frozen(getattr(self, name)))
        defaults = {field.name: field.default for field in fields(self)}
        for name, number in checked(vars(self), defaults).items():
            object.__setattr__(self, name, number)

    @property
    def is_greedy(self) -> bool:
        """True where the likeliest token is taken and nothing is drawn."""
        return self.temperature == 0


def with_changes(settings: GenerationSettings | None, changes: Mapping[str, Any]) -> GenerationSettings:
    """The settings (None: the usual ones) with some of them changed. TypeError for a name that is none of theirs."""
    names = [field.name for field in fields(GenerationSettings)]
    for name in changes:
        if name not in names:
            raise TypeError(
                f"wanted a setting of generation, got {name}=…; {nearest(name, names, 'decoding generate')}"
            )
    return replace(settings or GenerationSettings(), **changes) if changes else settings or GenerationSettings()


def settings_of_each(
    settings: GenerationSettings | Sequence[GenerationSettings] | None, rows: int
) -> list[GenerationSettings]:
    """One value per row. ValueError for a list of another length."""
    if settings is None or isinstance(settings, GenerationSettings):
        return [settings or GenerationSettings()] * rows
    if len(settings) != rows:
        raise ValueError(f"wanted settings for {rows} prompts, got {len(settings)}; give one for all, or one for each")
    return list(settings)
