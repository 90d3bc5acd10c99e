"""What a teacher says of every next token, and not only of the one that came (Hinton et al. 2015, arXiv 1503.02531)."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from gpt2 import GPT2

from .logit_rows import logits_of, over_rows


@dataclass(frozen=True)
class Mix:
    """What a student learns from: `share` from the teacher's distribution, at a temperature, the rest from the text."""

    share: float = 0.5
    temperature: float = 2.0


def distillation_losses(
    student: GPT2,
    state: Float[Tensor, "N C"],
    teacher: GPT2,
    known: Float[Tensor, "N K"],
    targets: Int[Tensor, " N"],
    mix: Mix,
    n_vocab: int,
) -> Float[Tensor, " N"]:
    """share x T^2 x KL(teacher, student at temperature T) + (1 - share) x cross-entropy of each token, in nats.

    state, known: the final states of both models, of other widths perhaps. T^2 keeps the gradients of both parts at one
    scale (section 2.1 there). Compared are the first `n_vocab` ids, those of the tokenizer. Logits are held for some
    rows at a time, the teacher's too.
    """

    def ask(logits: Tensor, others: Tensor, ids: Tensor) -> Tensor:
        own = logits[:, :n_vocab]
        wanted = (logits_of(teacher, others)[:, :n_vocab] / mix.temperature).log_softmax(-1)
        apart = (wanted.exp() * (wanted - (own / mix.temperature).log_softmax(-1))).sum(-1)
        text = -logits.log_softmax(-1).gather(1, ids[:, None])[:, 0]
        return mix.share * mix.temperature**2 * apart + (1 - mix.share) * text

    return over_rows(student, state, ask, known, targets)
