"""From the engine's events to parts of an answer: what is new of one text. A whole answer is the sum of its parts, so
that streamed and not streamed are the same by construction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..jobs import Piece, PromptScores, Usage
from .plans import Plan
from .token_scores import Tokens, TokenScore

REASONS = {"end_of_text": "stop", "stop": "stop", "max_new_tokens": "length", "length": "length"}
"""OpenAI's names of reasons; "cancelled" and "deadline" keep theirs."""


@dataclass
class Part:
    """What is new of the text with this index. `scores` are None where nobody asked for log-probabilities."""

    index: int
    text: str
    scores: list[TokenScore] | None = None
    finish_reason: str | None = None


@dataclass
class Parts:
    """The texts of one request under way."""

    plan: Plan
    usage: Usage | None = None
    """Of the whole, once all texts have ended."""
    new_tokens: int = 0
    prompts: dict[int, PromptScores] = field(default_factory=dict)
    echoed: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    tokens: dict[int, Tokens] = field(default_factory=dict)

    def of(self, event: Piece | PromptScores) -> Iterator[Part]:
        """What an event adds."""
        if isinstance(event, PromptScores):
            self.prompts[event.prompt] = event
            return
        yield from self._echo(event.row)
        self.new_tokens += len(event.ids)
        reason = event.finish_reason
        part = Part(event.row, event.text, None, reason and REASONS.get(reason, reason))
        if reason is not None:
            self.ended.add(event.row)
        if self.plan.likeliest is not None:
            tokens = self._tokens(event.row)
            tokens.read(event.ids, event.log_probabilities, event.likeliest)
            part.scores = tokens.tell(len(event.text), all_of_it=reason is not None and reason != "stop")
        yield part

    def rest(self, usage: Usage) -> Iterator[Part]:
        """What the end of the job adds: texts that are nothing but their prompts, and the ends of those that the engine
        was stopped before it could tell of them."""
        self.usage = usage
        for row in range(self.plan.rows):
            if self.plan.only_prompt and (self.plan.likeliest is None or row // self.plan.samples in self.prompts):
                yield from self._echo(row, "length")
            elif row not in self.ended:
                yield Part(row, "", None, "cancelled")

    def _echo(self, row: int, finish_reason: str | None = None) -> Iterator[Part]:
        """The prompt of a row, once."""
        if not self.plan.echo or row in self.echoed:
            return
        self.echoed.add(row)
        prompt = row // self.plan.samples
        ids = self.plan.prompts[prompt]
        text = self.plan.served.tokenizer.decode_bytes(ids).decode(errors="replace")
        part = Part(row, text, None, finish_reason)
        if self.plan.likeliest is not None:
            scores, tokens = self.prompts[prompt], self._tokens(row)
            tokens.read(ids, scores.log_probabilities, scores.likeliest)
            part.scores = tokens.tell(len(text), all_of_it=True)
        yield part

    def _tokens(self, row: int) -> Tokens:
        return self.tokens.setdefault(row, Tokens(self.plan.served.tokenizer))


def together(parts: Sequence[Part], rows: int) -> list[Part]:
    """One part a text: the sum of its parts."""
    own: list[list[Part]] = [[] for _ in range(rows)]
    for part in parts:
        own[part.index].append(part)
    return [_sum(index, some) for index, some in enumerate(own)]


def _sum(index: int, parts: Sequence[Part]) -> Part:
    scores = [part.scores for part in parts if part.scores is not None]
    return Part(
        index,
        "".join(part.text for part in parts),
        [one for some in scores for one in some] if scores else None,
        parts[-1].finish_reason if parts else None,
    )
