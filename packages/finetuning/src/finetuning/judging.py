"""What a model knows of answers that were held out: their nats, and which of them it would write word for word."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation import Estimate, estimate, share
from gpt2 import GPT2
from trainkit import evaluating

from .examples import Example
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
            scores = model(tokens).float().log_softmax(-1)
            real = targets >= 0
            own = scores.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
            nats += (-own.double() * real).sum(1).tolist()
            exact += ((scores.argmax(-1) == targets) | ~real).all(1).tolist()
    return Judged(tuple(nats), tuple(sum(example.learned[1:]) for example in examples), tuple(exact))
