"""What a model knows of answers that were held out: their nats, and which of them it would write word for word."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from evaluation import Estimate, estimate, share
from gpt2 import GPT2
from trainkit import evaluating

from .examples import Example
from .losses.logit_rows import over_rows
from .packing import collated

AT_A_TIME = 16


@dataclass(frozen=True)
class Judged:
    """For each example the nats of its answers, their tokens, and whether each token was the likeliest one."""

    nats: tuple[float, ...]
    tokens: tuple[int, ...]
    exact: tuple[bool, ...]

    @property
    def loss(self) -> Estimate:
        """Nats a token of the answers, with the bootstrap's interval over examples."""
        return estimate(self.nats, self.tokens)

    @property
    def share_exact(self) -> Estimate:
        """Share of the examples whose answers a greedy choice writes word for word, with Wilson's interval."""
        return share(self.exact)


def judge(model: GPT2, examples: Sequence[Example]) -> Judged:
    """How the model answers examples. One pass tells what greedy decoding would write: it is the answer itself where
    each of its tokens is the likeliest after those before it."""
    nats: list[float] = []
    exact: list[bool] = []
    device = model.final_norm.weight.device
    with evaluating(model):
        for start in range(0, len(examples), AT_A_TIME):
            rows = [[example] for example in examples[start : start + AT_A_TIME]]
            tokens, targets, _, _ = (part.to(device) for part in collated(rows))
            real = targets >= 0
            own, best = torch.zeros(real.shape, dtype=torch.float64), torch.ones(real.shape, dtype=torch.bool)
            state = model.hidden(tokens)[real]
            found = over_rows(model, state, _own_and_best, targets[real]).double().cpu()
            own[real.cpu()], best[real.cpu()] = found[:, 0], found[:, 1] > 0
            nats += (-own).sum(1).tolist()
            exact += best.all(1).tolist()
    return Judged(tuple(nats), tuple(sum(example.learned[1:]) for example in examples), tuple(exact))


def _own_and_best(logits: Float[Tensor, "N V"], ids: Int[Tensor, " N"]) -> Float[Tensor, "N 2"]:
    """The log-probability of each row's id, and 1 where it is the likeliest."""
    own = logits.log_softmax(-1).gather(1, ids[:, None])
    return torch.cat([own, (logits.argmax(-1) == ids)[:, None]], 1)
