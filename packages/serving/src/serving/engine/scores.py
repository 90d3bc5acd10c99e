"""The log-probabilities of a prompt's own ids, taken from the logits as the prompt is read."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ..jobs import Likely, PromptScores


class PromptScorer:
    """What watches a row's prompt: given the logits after each id, it tells all scores when the last one is read, as
    `evaluation` computes them (float32, log-softmax of the model's own logits). `known`: ids from there on stand for
    nothing, and are not among the likeliest."""

    def __init__(
        self,
        number: int,
        prompt: Sequence[int],
        likeliest: int,
        known: int | None,
        tell: Callable[[PromptScores], None],
    ) -> None:
        self.number, self.prompt, self.most, self.known, self.tell = number, prompt, likeliest, known, tell
        self.own: list[float | None] = [None]
        self.likeliest: list[Likely] = [()]
        self.seen = 0

    def __call__(self, logits: Float[Tensor, "T V"]) -> None:
        following = self.prompt[self.seen + 1 : self.seen + 1 + len(logits)]
        self.seen += len(logits)
        if following:
            values = logits[: len(following)].log_softmax(dim=-1)
            targets = torch.tensor(following, device=values.device)
            self.own += values.gather(1, targets[:, None]).squeeze(1).tolist()
            top, ids = values[:, : self.known].topk(min(self.most, self.known or values.shape[-1]))
            pairs = zip(ids.tolist(), top.tolist(), strict=True)
            self.likeliest += [tuple(zip(*pair, strict=True)) for pair in pairs]
        if self.seen == len(self.prompt):
            self.tell(PromptScores(self.number, tuple(self.own), tuple(self.likeliest)))
