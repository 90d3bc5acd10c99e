"""Tasks: questions in, accuracies with their intervals out."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from decoding import LanguageModel, Tokenizer

from ..intervals import Estimate, estimate
from ..pairs import encode_pair, fit_span
from ..scores import exponential
from ..spans import score_spans
from .items import Choice, Item, Record, hellaswag, lambada, minimal_pair, multiple_choice

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """How a task's lines are read, and where its data is published: repository, configuration and split on the hub."""

    name: str
    read: Callable[[Record], Item]
    repository: str | None = None
    configuration: str = "default"
    split: str = "test"


LAMBADA = Task("lambada", lambada, "EleutherAI/lambada_openai")
HELLASWAG = Task("hellaswag", hellaswag, "Rowan/hellaswag", split="validation")
BLIMP = Task("blimp", minimal_pair, "nyu-mll/blimp", "anaphor_number_agreement", "train")
CHOICE = Task("choice", multiple_choice)


@dataclass(frozen=True)
class ItemScore:
    """One question's outcome.

    nats: -log probability of each choice (of the continuation, for a cloze).
    correct: the likeliest choice is the right one (for a cloze: every token of it is the model's first guess).
    correct_normalised: the same with each choice's nats divided by its characters, as lm-eval's `acc_norm`.
    last_token: nats of a cloze's last token and whether it was the first guess; GPT-2's paper counts only that one.
    """

    nats: tuple[float, ...]
    correct: bool
    correct_normalised: bool | None = None
    last_token: tuple[float, bool] | None = None


def score_items(
    model: LanguageModel, tokenizer: Tokenizer, items: Sequence[Item], *, at_a_time: int = 256
) -> Iterator[ItemScore]:
    """The outcome of each question, in order. Contexts that are too long lose their beginning, as in lm-eval, and a
    warning says how many did. Raises ValueError where a choice alone does not fit the context or has no tokens."""
    remaining, cut = iter(items), 0
    while group := list(islice(remaining, at_a_time)):
        pairs = [encode_pair(tokenizer, item.context, text) for item in group for text in continuations(item)]
        cut += sum(len(before) + len(after) > model.n_ctx + 1 for before, after in pairs)
        scores = iter(score_spans(model, [fit_span(model, *pair) for pair in pairs]))
        for item in group:
            if isinstance(item, Choice):
                yield choice_score(item, [next(scores).total for _ in item.choices])
            else:
                score = next(scores)
                last = (score.nats[-1].item(), bool(score.likeliest[-1]))
                yield ItemScore((score.total,), bool(score.likeliest.all()), last_token=last)
    if cut:
        logger.warning("%d contexts lost their beginning: longer than the model's n_ctx of %d", cut, model.n_ctx)


def continuations(item: Item) -> tuple[str, ...]:
    return item.choices if isinstance(item, Choice) else (item.continuation,)


def choice_score(item: Choice, nats: Sequence[float]) -> ItemScore:
    """Which choice has the fewest nats, as a whole and per character; of equal ones the first, as NumPy's argmax."""
    lengths = [len(choice.removeprefix(" ")) for choice in item.choices]
    per_character = [n / length for n, length in zip(nats, lengths, strict=True)]
    best, best_normalised = nats.index(min(nats)), per_character.index(min(per_character))
    return ItemScore(tuple(nats), best == item.answer, best_normalised == item.answer)


def summarise(scores: Sequence[ItemScore]) -> dict[str, Estimate]:
    """The task's measures by name, each with its interval over the questions.

    Of choices `accuracy` and `accuracy_normalised`; of clozes `accuracy` and `perplexity` of the whole word (lm-eval's
    convention) and of its last token (GPT-2's paper).
    """
    measures = {"accuracy": estimate([float(score.correct) for score in scores])}
    if scores[0].last_token is None:
        measures["accuracy_normalised"] = estimate([float(bool(score.correct_normalised)) for score in scores])
        return measures
    last = [score.last_token for score in scores if score.last_token is not None]
    measures["perplexity"] = estimate([score.nats[0] for score in scores]).map(exponential)
    measures["last_token_accuracy"] = estimate([float(right) for _, right in last])
    measures["last_token_perplexity"] = estimate([nats for nats, _ in last]).map(exponential)
    return measures
