"""Regular expressions, schemas and grammars, compiled beside the engine's thread, so that a hard one stops nobody."""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any

from decoding import Grammar, matching_grammar, matching_regex, matching_schema

from ..jobs import Form

MATCHING: dict[str, Callable[[Any, str], Grammar]] = {
    "regex": matching_regex,
    "json_schema": matching_schema,
    "grammar": matching_grammar,
}


def compiled(form: Form, tokenizer: Any, rows: int) -> list[Grammar]:
    """One for each row. ValueError for a form that is none, ImportError without the extra `grammar`."""
    return [MATCHING[form.kind](tokenizer, form.text) for _ in range(rows)]


class Compiler:
    """A thread that does one thing after the other."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self.thread = Thread(target=self._run, name="serving-forms", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while (task := self.queue.get()) is not None:
            task()

    def stop(self) -> None:
        """The thread ends after what is under way."""
        self.queue.put(None)
