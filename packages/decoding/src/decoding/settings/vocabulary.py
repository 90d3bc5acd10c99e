"""Which ids a row may hold, and which of them end it: the one place that says so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any

from ..protocols import LanguageModel, Tokenizer


@dataclass(frozen=True)
class Vocabulary:
    """`ends` are the ids that end a text; ids from `known` on are never chosen (None: the model's are all known).

    A model may have more ids than its tokenizer, because its tables were rounded up or prepared for tokens to come.
    They were never trained, stand for no text, and still get a probability each.
    """

    ends: tuple[int, ...] = ()
    known: int | None = None

    @classmethod
    def of(cls, model: LanguageModel, tokenizer: Tokenizer) -> "Vocabulary":
        """The ids that `tokenizer` knows. They end where the model says so itself, in an attribute `end_ids` (as
        gpt2.load reads it), else with the tokenizer's end-of-text token."""
        own = [token for token in getattr(model, "end_ids", None) or () if token < tokenizer.n_vocab]
        return cls(tuple(own) or (tokenizer.end_of_text,), tokenizer.n_vocab)

    def within(self, n_vocab: int) -> "Vocabulary":
        """The same for a model of `n_vocab` ids: `known` is None where it leaves none of them out."""
        return self if self.known is None or self.known < n_vocab else Vocabulary(self.ends)


EndOfText = int | Sequence[int] | Vocabulary | None
"""What callers give: the id that ends a text, several, a `Vocabulary`, or None where no id does."""


def vocabulary_of(
    n_vocab: int, end_of_text: EndOfText, decode_bytes: Callable[[Sequence[int]], bytes] | None = None
) -> Vocabulary:
    """The vocabulary that callers mean, for a model of `n_vocab` ids. Where they give no `Vocabulary`, the tokenizer
    whose method `decode_bytes` is says which ids are known. TypeError for what is no id."""
    if isinstance(end_of_text, Vocabulary):
        return end_of_text.within(n_vocab)
    given: Sequence[Any] = [] if end_of_text is None else [end_of_text]
    if isinstance(end_of_text, Sequence) and not isinstance(end_of_text, str):
        given = end_of_text
    try:
        ends = tuple(index(one) for one in given)
    except TypeError:
        raise TypeError(
            f"wanted end_of_text to be an id, ids or None, got {end_of_text!r}; give tokenizer.end_of_text"
        ) from None
    known = getattr(getattr(decode_bytes, "__self__", None), "n_vocab", None)
    return Vocabulary(ends, known if isinstance(known, int) else None).within(n_vocab)
