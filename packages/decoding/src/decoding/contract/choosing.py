"""How the next token's chances are made of logits: claims about temperature, top-k and top-p of anyone's function.

Thresholds are those of transformers, vLLM and llama.cpp: the token that crosses `top_p` is kept.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from workbench import Broken, BrokenClaim, Held

Probabilities = Callable[..., Tensor]
TOLERANCE = 1e-5
CASES = ([0.0, 0.0], [2.0, 0.0], [1.0, 3.0, 2.0], [0.5, -1.0, 2.5, 0.0, 1.5, -3.0, 1.0])
"""Logits, smallest first; no two that a threshold would have to part are equally likely."""


def check_probabilities(probabilities: Probabilities) -> Held:
    """Try every claim and return those that held; raise `BrokenClaim` (an AssertionError) at the first that did not.

    It is called as `probabilities(logits, temperature=…, top_k=…, top_p=…)` with logits [V] and one of the three, or
    none of them, and returns the probabilities [V] of the next token. What several at once give is not judged: peers
    take them in different orders.
    """
    for claim in CLAIMS:
        words = claim.__name__.replace("_", " ")
        for numbers in CASES:
            try:
                evidence = claim(probabilities, torch.tensor(numbers))
            except Exception as error:
                evidence = f"it raised {type(error).__name__}: {error}"
            if evidence is not None:
                raise BrokenClaim(Broken(words, evidence, f"logits {numbers}"))
    return Held(
        (claim.__name__.replace("_", " ") for claim in CLAIMS),
        ["in which order temperature, top-k and top-p come, where several are set"],
    )


def _off(got: Tensor, wanted: Tensor, what: str) -> str | None:
    """Evidence where probabilities are not those that were due."""
    if got.shape == wanted.shape and bool(((got - wanted).abs() <= TOLERANCE).all()):
        return None
    shown = [[round(float(x), 4) for x in numbers.flatten()] for numbers in (got, wanted)]
    return f"{what} it gave {shown[0]}, where {shown[1]} was due"


def without_settings_it_is_the_softmax(probabilities: Probabilities, logits: Tensor) -> str | None:
    return _off(probabilities(logits.clone()), logits.double().softmax(-1).to(logits), "without settings")


def large_logits_stay_finite(probabilities: Probabilities, logits: Tensor) -> str | None:
    large = 1000 * logits
    return _off(probabilities(large.clone()), large.double().softmax(-1).to(logits), "for logits of thousands")


def the_logits_are_left_as_they_were(probabilities: Probabilities, logits: Tensor) -> str | None:
    for setting in ({"temperature": 0.5}, {"top_k": 1}, {"top_p": 0.5}):
        given = logits.clone()
        probabilities(given, **setting)
        if not given.equal(logits):
            return f"with {setting} it wrote into its logits"
    return None


def temperature_divides_the_logits(probabilities: Probabilities, logits: Tensor) -> str | None:
    for value in (0.5, 2.0):
        wanted = (logits.double() / value).softmax(-1).to(logits)
        if evidence := _off(probabilities(logits.clone(), temperature=value), wanted, f"at temperature {value}"):
            return evidence
    return None


def top_k_keeps_the_k_likeliest(probabilities: Probabilities, logits: Tensor) -> str | None:
    """Of equal logits none is left out here: there are as many as k."""
    for k in range(1, len(logits) + 2):
        order = logits.argsort(descending=True)[:k]
        if k < len(logits) and logits[order[-1]] == logits.sort(descending=True).values[k]:
            continue
        if evidence := _off(probabilities(logits.clone(), top_k=k), _kept(logits, order), f"with top_k {k}"):
            return evidence
    return None


def top_p_keeps_the_token_that_crosses_it(probabilities: Probabilities, logits: Tensor) -> str | None:
    """The fewest likeliest tokens that hold `top_p` together, tried between any two of their sums."""
    chances, order = logits.double().softmax(-1).sort(descending=True)
    if len(chances.unique()) < len(chances):
        return None
    sums = [0.0, *chances.cumsum(0).tolist()]
    for n in range(1, len(sums)):
        p = (sums[n - 1] + sums[n]) / 2
        got = probabilities(logits.clone(), top_p=p)
        if evidence := _off(got, _kept(logits, order[:n]), f"with top_p {p:.4f}, which {n} of them reach,"):
            return evidence
    return _off(probabilities(logits.clone(), top_p=1.0), logits.softmax(-1), "with top_p 1, which leaves out nothing,")


def _kept(logits: Tensor, ids: Tensor) -> Tensor:
    """The softmax of these ids alone, which keep their ratios."""
    wanted = torch.zeros_like(logits)
    wanted[ids] = logits[ids].double().softmax(-1).to(logits)
    return wanted


CLAIMS: tuple[Callable[[Probabilities, Tensor], str | None], ...] = (
    without_settings_it_is_the_softmax,
    the_logits_are_left_as_they_were,
    temperature_divides_the_logits,
    top_k_keeps_the_k_likeliest,
    top_p_keeps_the_token_that_crosses_it,
    large_logits_stay_finite,
)
