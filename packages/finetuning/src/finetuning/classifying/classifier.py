"""A GPT-2 that says a label in place of a next token: one small matrix reads the state of a text's last token."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gpt2 import GPT2, Tokenizer
from tensors import gather_rows, pad_rows
from trainkit import evaluating

AT_A_TIME = 32


class Classifier(nn.Module):
    """A model with a head of one row a label: `GPT2ForSequenceClassification` of transformers, but for the padding.

    There the last token is the last one that is not the padding's id, so that a text which ends in that id is read one
    token early. Here `lengths` say where a text ends, and what stands behind it reaches nothing.

    body: the model, with or without an adapter. labels: their names, two or more. generator: draws the head.
    """

    def __init__(self, body: GPT2, labels: Sequence[str], *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        if len({*labels}) != len(labels) or len(labels) < 2:
            raise ValueError(f"labels: wanted two or more different names, got {list(labels)}; name each once")
        self.body, self.labels = body, tuple(labels)
        weight = body.final_norm.weight
        self.score = nn.Linear(len(weight), len(labels), bias=False, device=weight.device)
        with torch.no_grad():
            self.score.weight.copy_(torch.empty(self.score.weight.shape).normal_(std=0.02, generator=generator))

    @property
    def n_ctx(self) -> int:
        """Tokens of the longest text that can be read."""
        return self.body.n_ctx

    def forward(self, tokens: Int[Tensor, "B T"], lengths: Int[Tensor, " B"] | None = None) -> Float[Tensor, "B L"]:
        """A logit for each label. lengths: tokens of each row that are real, the rest being padding on the right."""
        if lengths is None:
            lengths = torch.full_like(tokens[:, 0], tokens.shape[1])
        state: Tensor = self.score(gather_rows(self.body.hidden(tokens, lengths=lengths), lengths - 1))
        return state


@dataclass(frozen=True)
class Labeled:
    """What a classifier says of a text, and how sure it is."""

    label: str
    probability: float


def label_texts(classifier: Classifier, tokenizer: Tokenizer, texts: Sequence[str]) -> list[Labeled]:
    """The likeliest label of each text, with its probability. ValueError, with its number, for a text without a token
    and for one that is longer than the model can read."""
    rows = []
    for number, text in enumerate(texts, start=1):
        try:
            rows.append(readable(tokenizer, text, classifier.n_ctx))
        except ValueError as error:
            raise ValueError(f"text {number}: {error}") from None
    found = probabilities(classifier, rows)
    best, numbers = found.max(1)
    return [Labeled(classifier.labels[n], p) for n, p in zip(numbers.tolist(), best.tolist(), strict=True)]


def readable(tokenizer: Tokenizer, text: str, n_ctx: int) -> tuple[int, ...]:
    """The ids of a text; ValueError where there are none, or more than the model can read."""
    if not text.strip():
        raise ValueError(f"wanted a text of at least one word, got {text!r}; leave it out")
    ids = tokenizer.encode(text)
    if len(ids) > n_ctx:
        raise ValueError(
            f"wanted a text of at most {n_ctx} tokens, which is what the model can read, got {len(ids)}; shorten it, "
            f"or take a model with a longer context"
        )
    return tuple(ids)


def probabilities(classifier: Classifier, rows: Sequence[Sequence[int]]) -> Float[Tensor, "N L"]:
    """The probability of each label for each row of ids, in float64; texts of like length are read together."""
    found = torch.zeros(len(rows), len(classifier.labels), dtype=torch.float64)
    order = sorted(range(len(rows)), key=lambda number: -len(rows[number]))
    device = classifier.score.weight.device
    with evaluating(classifier):
        for start in range(0, len(rows), AT_A_TIME):
            numbers = order[start : start + AT_A_TIME]
            tokens, lengths = pad_rows([torch.tensor(rows[number]) for number in numbers])
            found[numbers] = classifier(tokens.to(device), lengths.to(device)).double().softmax(-1).cpu()
    return found
