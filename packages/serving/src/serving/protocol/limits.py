"""How much one request may ask for. `/v1/models` tells them, `serving run --limits.NAME` sets them."""

from dataclasses import dataclass, fields

from .refusals import Refused


@dataclass(frozen=True)
class Limits:
    """The most that one request may bring or ask for."""

    body_bytes: int = 4 * 1024 * 1024
    """Bytes of a request's body."""
    prompts: int = 256
    """Prompts of one request."""
    samples: int = 128
    """`n` and `best_of`."""
    new_tokens: int = 65_536
    """New tokens of one request: prompts x samples x max_tokens."""
    likeliest: int = 20
    """`logprobs` and `top_logprobs`: likeliest tokens told at each place."""
    stops: int = 16
    """Stop strings."""
    stop_characters: int = 512
    """Characters of one stop string."""
    sequences: int = 1_024
    """Entries of `logit_bias`, and ids of `banned`, `forced_words` and `forced_prefix`."""
    form_characters: int = 16_384
    """Characters of a regular expression, a JSON schema or a grammar."""
    beams: int = 16
    """Hypotheses of one beam search."""
    seconds: int = 600
    """From a request's arrival to its end; rows that still run then end with the reason "deadline"."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value < 1:
                raise ValueError(f"--limits.{field.name.replace('_', '-')}: wanted 1 or more, got {value}; raise it")


def check_most(param: str, got: int, most: int, what: str) -> None:
    """400 for more than the server allows."""
    if got > most:
        raise Refused(f"{param}: wanted at most {most:,} {what}, got {got:,}; ask for less", param=param)
