"""How to continue a text, as one value. Needs no torch, so a wrong setting is reported at once."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class GenerationSettings:
    """How tokens are drawn and when a row ends. Contradicting or out-of-range values raise ValueError."""

    max_new_tokens: int = 100
    """A row ends after so many new tokens (1 or more)."""
    temperature: float | int = 1.0
    """Divides the logits; 0 takes the likeliest token each time (greedy)."""
    top_k: int = 0
    """Draw among the k likeliest tokens only; 0 is off."""
    top_p: float | int = 1.0
    """Draw among the likeliest tokens that together hold this probability; 1 is off."""
    seed: int = 0
    """Row i draws from a generator of its own, made of (seed, i)."""
    stop_at_end_of_text: bool = True
    """A row ends when it draws the end-of-text token."""

    def __post_init__(self) -> None:
        for name in ("max_new_tokens", "top_k", "seed"):
            _require_integer(name, getattr(self, name))
        for name in ("temperature", "top_p"):
            object.__setattr__(self, name, _finite_number(name, getattr(self, name)))
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be 1 or more, got {self.max_new_tokens}; ask for at least one token")
        if self.temperature < 0:
            raise ValueError(
                f"temperature must be 0 (greedy) or more, got {self.temperature}; use 0 for the likeliest token, 1 for "
                "the model's own distribution"
            )
        if self.top_k < 0:
            raise ValueError(f"top_k must be 0 (off) or more, got {self.top_k}; use 0 to draw among all tokens")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1 (off), got {self.top_p}; 0.9 is a usual value")
        if self.temperature == 0 and (self.top_k > 0 or self.top_p < 1):
            raise ValueError(
                f"temperature 0 (greedy) goes with no top_k and no top_p, got top_k={self.top_k} and "
                f"top_p={self.top_p}, which could change nothing; set a temperature above 0 or leave them out"
            )


def _require_integer(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r} ({type(value).__name__}); pass a whole number")


def _finite_number(name: str, value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r} ({type(value).__name__}); pass a float")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value}; pass an ordinary float")
    return float(value)
