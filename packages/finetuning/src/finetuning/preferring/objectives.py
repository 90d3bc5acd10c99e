"""What a pair of answers costs: three losses, each a function of a few numbers a pair.

The first two take four summed log-probabilities: of the chosen and of the rejected answer, by the model and by the
model as it was before (the reference), which is never trained, so that its two numbers are computed once.
"""

from torch import Tensor
from torch.nn.functional import logsigmoid

BETA = 0.1


def dpo_loss(
    chosen: Tensor, rejected: Tensor, reference_chosen: Tensor, reference_rejected: Tensor, *, beta: float = BETA
) -> Tensor:
    """-log sigmoid(beta x margin) of each pair (Rafailov et al. 2023, arXiv 2305.18290, equation 7). The margin
    is how much more the chosen answer has gained on the reference than the rejected one; ln 2 where neither has."""
    return -logsigmoid(beta * _margin(chosen, rejected, reference_chosen, reference_rejected))


def ipo_loss(
    chosen: Tensor, rejected: Tensor, reference_chosen: Tensor, reference_rejected: Tensor, *, beta: float = BETA
) -> Tensor:
    """(margin - 1 / (2 beta))^2 of each pair (Azar et al. 2023, arXiv 2310.12036, equation 17): the margin has an aim,
    and a pair that is sure already does not pull any further."""
    return (_margin(chosen, rejected, reference_chosen, reference_rejected) - 1 / (2 * beta)) ** 2


def simpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    chosen_tokens: Tensor,
    rejected_tokens: Tensor,
    *,
    beta: float = 2.0,
    margin: float = 1.0,
) -> Tensor:
    """-log sigmoid(beta x (chosen / its tokens - rejected / its tokens) - margin) of each pair (Meng et al. 2024, arXiv
    2405.14734, equation 6): no reference, and no gain by length alone."""
    return -logsigmoid(beta * (chosen / chosen_tokens - rejected / rejected_tokens) - margin)


def _margin(chosen: Tensor, rejected: Tensor, reference_chosen: Tensor, reference_rejected: Tensor) -> Tensor:
    return (chosen - reference_chosen) - (rejected - reference_rejected)
