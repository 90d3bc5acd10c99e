"""What the engine counts and times, and what follows from it: when to come again. No torch here."""

import math
from collections import Counter, deque
from collections.abc import Sequence

from .status import Histogram

WAITS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0)
"""Bounds in seconds for waiting and for first tokens."""
STEPS = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.3, 2.5)
"""Bounds in seconds between tokens."""
LONGEST_WAIT = 600


class Buckets:
    """A histogram that grows."""

    def __init__(self, bounds: Sequence[float | int]) -> None:
        self.bounds, self.counts, self.sum = tuple(map(float, bounds)), [0] * (len(bounds) + 1), 0.0

    def add(self, value: float | int) -> None:
        """Count a value in the first bucket whose bound it does not pass."""
        place = next((n for n, bound in enumerate(self.bounds) if value <= bound), len(self.bounds))
        self.counts[place] += 1
        self.sum += value

    @property
    def shown(self) -> Histogram:
        """As it is now."""
        return Histogram(self.bounds, tuple(self.counts), self.sum)


class Rate:
    """How much came of late: the sum of amounts over the seconds since the oldest of them that is remembered."""

    def __init__(self, remembered: int = 256, seconds: float | int = 30) -> None:
        self.seconds = seconds
        self.amounts: deque[tuple[float | int, float | int]] = deque(maxlen=remembered)

    def add(self, now: float | int, amount: float | int = 1) -> None:
        """So much came now."""
        self.amounts.append((now, amount))

    def per_second(self, now: float | int) -> float:
        """0 where nothing came in the last `seconds`."""
        recent = [(when, amount) for when, amount in tuple(self.amounts) if now - when <= self.seconds]
        if len(recent) < 2:
            return 0.0
        return float(sum(amount for _, amount in recent[1:])) / max(now - recent[0][0], 1e-6)


class Tally:
    """Counters from the engine's start on. Its thread writes, others read."""

    def __init__(self) -> None:
        self.jobs: Counter[str] = Counter({name: 0 for name in ("finished", "cancelled", "failed", "late", "full")})
        self.prompt_tokens = self.new_tokens = self.steps = 0
        self.waiting, self.first_token, self.between_tokens = Buckets(WAITS), Buckets(WAITS), Buckets(STEPS)
        self.tokens, self.rows = Rate(), Rate()
        """Tokens, and rows that ended, by time."""

    def retry_after(self, waiting: int, now: float | int) -> int:
        """Whole seconds, 1 to 600, in which as many rows as wait now will have ended, at the rate of late."""
        rate = self.rows.per_second(now)
        return 1 if rate == 0 else max(1, min(LONGEST_WAIT, math.ceil((waiting + 1) / rate)))
