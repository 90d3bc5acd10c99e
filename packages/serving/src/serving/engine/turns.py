"""One model, two threads, one call at a time: whoever decodes by another method than the loop waits for turns."""

from collections.abc import Callable
from threading import Condition
from types import TracebackType
from typing import Any


class Left(Exception):
    """The job that was being decoded is no longer wanted."""


class Turns:
    """`with turns:` waits until the engine gives a turn, which it does between two of its own steps (`give`)."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.condition, self.wake = Condition(), wake
        self.asked = self.given = False

    def __enter__(self) -> None:
        with self.condition:
            self.asked = True
            self.wake()
            self.condition.wait_for(lambda: self.given)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self.condition:
            self.asked = self.given = False
            self.condition.notify_all()

    def give(self) -> bool:
        """A turn for whoever waits for one, until it is over; False where nobody does."""
        with self.condition:
            if not self.asked:
                return False
            self.given = True
            self.condition.notify_all()
            self.condition.wait_for(lambda: not self.given)
            return True


class ModelInTurns:
    """A model each of whose calls takes a turn, and raises `Left` once `is_left` says so. Everything else about it is
    the model's own."""

    def __init__(self, model: Any, turns: Turns, is_left: Callable[[], bool]) -> None:
        self.model, self.turns, self.is_left = model, turns, is_left

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.model, name)
        return self._in_turn(found) if name == "hidden" else found

    @property
    def n_ctx(self) -> int:
        return self.model.n_ctx

    @property
    def n_vocab(self) -> int:
        return self.model.n_vocab

    def new_cache(self, batch: int, length: int) -> Any:
        """The model's."""
        return self.model.new_cache(batch, length)

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._in_turn(self.model)(*given, **named)

    def _in_turn(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            if self.is_left():
                raise Left
            with self.turns:
                return call(*given, **named)

        return called
