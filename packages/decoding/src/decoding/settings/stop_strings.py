"""Texts that end a row, found in its bytes as they come: a stop string may begin and end within tokens."""

from collections.abc import Callable, Sequence

DecodeBytes = Callable[[Sequence[int]], bytes]


class StopStrings:
    """Watches one row. `end` is the offset in bytes of the first stop string, once one came."""

    def __init__(self, stops: Sequence[str], decode_bytes: DecodeBytes) -> None:
        self.stops = [stop.encode() for stop in stops]
        self.decode_bytes = decode_bytes
        self.seen = b""
        self.end: int | None = None

    def came(self, token: int) -> bool:
        """Whether the row's text, with one more id, holds a stop string."""
        longest = max(map(len, self.stops))
        start = max(0, len(self.seen) - longest + 1)  # a new one must touch the new bytes
        self.seen += self.decode_bytes([token])
        found = [place for stop in self.stops if (place := self.seen.find(stop, start)) >= 0]
        self.end = min(found, default=None)
        return self.end is not None

    def safe(self) -> int:
        """How many bytes of the row are text for certain: what may be the beginning of a stop string is not."""
        if self.end is not None:
            return self.end
        for size in range(min(max(map(len, self.stops)) - 1, len(self.seen)), 0, -1):
            if any(stop.startswith(self.seen[-size:]) for stop in self.stops):
                return len(self.seen) - size
        return len(self.seen)
