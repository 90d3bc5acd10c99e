"""When a hypothesis has ended, and a new search that asks so."""

from collections.abc import Sequence

from ..rows import FinishReason
from ..settings.stop_strings import DecodeBytes
from ..settings.values import GenerationSettings
from .hypotheses import Hypothesis, Search


class Ends:
    """Says whether and why new ids have ended, for searches that may take so many new ids."""

    def __init__(self, settings: GenerationSettings, ends: Sequence[int], decode_bytes: DecodeBytes | None) -> None:
        self.ends = ends if settings.stop_at_end_of_text else ()
        self.stops = [stop.encode() for stop in settings.stop]
        self.decode_bytes, self.most_new = decode_bytes, settings.max_new_tokens

    def reason(self, ids: Sequence[int], room: int) -> FinishReason | None:
        if ids[-1] in self.ends:
            return "end_of_text"
        if self.stops and self.decode_bytes is not None:
            text = self.decode_bytes(ids)
            if any(stop in text for stop in self.stops):
                return "stop"
        if len(ids) >= self.most_new:
            return "max_new_tokens"
        return "length" if len(ids) >= room else None


def new_search(settings: GenerationSettings, ends: Ends, room: int) -> Search:
    """A search that may write `room` ids before the context is full."""
    search = Search(
        settings,
        settings.beams // settings.beam_groups,
        min(settings.max_new_tokens, room),
        lambda new: ends.reason(new, room),
    )
    if room == 0:
        search.open, search.finished = False, [Hypothesis((), 0.0, "length")]
    return search
