"""Which way to decode settings ask for; whoever goes another way refuses them instead of leaving half of them out."""

from ..settings.values import GenerationSettings

SETTING_OF = {"beams": "beams", "contrastive": "penalty_alpha", "lookup": "prompt_lookup_tokens"}
"""The setting that asks for each method but the plain loop."""


def method_of(settings: GenerationSettings) -> str:
    """Which of the ways to decode these settings ask for: "loop", "beams", "contrastive" or "lookup"."""
    if settings.beams > 1:
        return "beams"
    if settings.penalty_alpha > 0:
        return "contrastive"
    return "lookup" if settings.prompt_lookup_tokens else "loop"


def check_method(settings: GenerationSettings, does: tuple[str, ...], here: str) -> None:
    """ValueError for settings of another method than those that `here`, named in the message, `does`."""
    asked = method_of(settings)
    if asked in does:
        return
    if asked == "loop":
        name = SETTING_OF[does[0]]
        raise ValueError(f"wanted settings with {name} for {here}, got {name}={getattr(settings, name)}; set it")
    name = SETTING_OF[asked]
    raise ValueError(
        f"wanted settings without {name} for {here}, got {name}={getattr(settings, name)}, which is another method; "
        "leave it out, or use generate_ids"
    )


def check_only_text(settings: GenerationSettings, here: str) -> None:
    """ValueError for settings of the plain loop that `here` has no way to keep."""
    if settings.when_full != "stop":
        raise ValueError(f"when_full must be 'stop' with {here}, got {settings.when_full!r}; leave it out")
    if settings.log_probabilities is not None:
        raise ValueError(
            f"log_probabilities must be left out with {here}, got {settings.log_probabilities}; use the plain loop"
        )
