"""Several continuations, one answer: the likeliest of them, or the one that the others agree with most."""

from collections import Counter
from collections.abc import Callable, Sequence

from ..rows import Generated


def mean_log_probability(sample: Generated) -> float:
    """Nats per id: the score for which length does not count."""
    return sum(sample.log_probabilities) / max(1, len(sample.log_probabilities))


def best_of(candidates: Sequence[Generated], score: Callable[[Generated], float] = mean_log_probability) -> Generated:
    """The candidate with the largest score, the first of equals (best-of-n; Stiennon et al. 2020, arXiv 2009.01325,
    with a learned reward for score)."""
    return max(_some(candidates), key=score)


def minimum_bayes_risk(
    candidates: Sequence[Generated],
    utility: Callable[[Sequence[int], Sequence[int]], float] | None = None,
) -> Generated:
    """The candidate with the largest mean utility against all others as references, the first of equals.

    The likeliest text is often an odd one, the consensus of samples seldom is (Kumar and Byrne 2004, "Minimum
    Bayes-Risk Decoding for Statistical Machine Translation"; Eikema and Aziz 2020, arXiv 2005.10283). The default
    utility is the F1 score of the ids they share.
    """
    utility = utility or shared_f1
    found = _some(candidates)
    if len(found) == 1:
        return found[0]
    texts = [candidate.ids for candidate in found]
    means = [
        sum(utility(text, other) for place, other in enumerate(texts) if place != own) / (len(texts) - 1)
        for own, text in enumerate(texts)
    ]
    return found[means.index(max(means))]


def shared_f1(hypothesis: Sequence[int], reference: Sequence[int]) -> float:
    """2 x shared ids / all ids, counted with repetition: 1 for the same ids in any order, 0 for none in common."""
    shared = sum((Counter(hypothesis) & Counter(reference)).values())
    return 2 * shared / max(1, len(hypothesis) + len(reference))


def _some(candidates: Sequence[Generated]) -> Sequence[Generated]:
    if not candidates:
        raise ValueError("wanted one or more candidates, got none; draw some with samples()")
    return candidates
