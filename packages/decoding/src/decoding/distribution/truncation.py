"""Logits "B V" in, logits "B V" out: the temperature, and nine ways to say which tokens may be drawn at all.

What is left out becomes -inf. Each function works on every row by itself and always keeps the `keep` likeliest tokens.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .mass import smallest_kept, smallest_set


def temperature(logits: Float[Tensor, "B V"], value: float) -> Float[Tensor, "B V"]:
    """Logits divided by `value` (above 0): below 1 sharpens the distribution, above 1 flattens it.

    A probability p becomes proportional to p ** (1 / value), the Boltzmann distribution at that temperature (Ackley,
    Hinton and Sejnowski 1985, "A Learning Algorithm for Boltzmann Machines"). Here it comes first, as in transformers,
    so that top-p sees other probabilities than where one divides last.
    """
    return logits / value


def top_k(logits: Float[Tensor, "B V"], k: int, *, keep: int = 1) -> Float[Tensor, "B V"]:
    """Keep the `k` largest logits of each row (1 or more; all of them if there are fewer than k).

    The tail of many unlikely tokens holds much probability together and little sense (Fan, Lewis and Dauphin 2018,
    "Hierarchical Neural Story Generation", arXiv 1805.04833). Ties with the k-th are all kept, as in
    transformers.
    """
    return at_least(logits, logits.topk(min(max(k, keep), logits.shape[-1])).values[:, -1:])


def top_p(logits: Float[Tensor, "B V"], p: float, *, keep: int = 1) -> Float[Tensor, "B V"]:
    """Keep the smallest set of likeliest tokens whose probability reaches `p` (0 to 1).

    Few tokens where the model is sure, many where it is not (Holtzman et al. 2020, "The Curious Case of Neural Text
    Degeneration", arXiv 1904.09751). The token that crosses `p` is kept. Where the kept tokens hold exactly `p`, the
    next one is dropped, as in transformers. Of equally likely tokens on the border those with higher ids are kept.
    """
    probabilities = logits.softmax(dim=-1)
    if keep > 1:
        return only(logits, smallest_set(logits, probabilities, p, keep))
    smallest, left_out = smallest_kept(logits, probabilities, p)
    return at_least(logits, smallest).index_put_(left_out, logits.new_tensor(-torch.inf))


def min_p(logits: Float[Tensor, "B V"], share: float, *, keep: int = 1) -> Float[Tensor, "B V"]:
    """Keep tokens at least `share` (0 to 1) times as likely as the likeliest.

    A bar that rises with the model's confidence and needs no sorting, so it stays sensible at high temperatures
    (Nguyen et al. 2024, "Turning Up the Heat: Min-p Sampling", arXiv 2407.01082). As in transformers.
    """
    probabilities = logits.softmax(dim=-1)
    return kept_only(logits, probabilities >= share * probabilities.amax(dim=-1, keepdim=True), keep)


def typical(logits: Float[Tensor, "B V"], mass: float, *, keep: int = 1) -> Float[Tensor, "B V"]:
    """Keep the tokens whose surprise is closest to the expected one, the entropy, until they hold `mass` (0 to 1).

    People avoid both the predictable and the baffling word: information comes at an even rate (Meister et al. 2023,
    "Locally Typical Sampling", arXiv 2202.00666). The likeliest token itself may therefore go. Ties at the border are
    all kept, as in transformers.
    """
    log_probabilities = logits.log_softmax(dim=-1)
    probabilities = log_probabilities.exp()
    entropy = -(log_probabilities * probabilities).nansum(dim=-1, keepdim=True)
    closeness = (log_probabilities + entropy).abs_().neg_()
    kept = closeness >= smallest_kept(closeness, probabilities, mass)[0]
    if keep > 1:
        kept = kept.scatter(-1, (-closeness).argsort(dim=-1)[:, :keep], True)
    return only(logits, kept)


def epsilon(logits: Float[Tensor, "B V"], cutoff: float, *, keep: int = 1) -> Float[Tensor, "B V"]:
    """Keep tokens of at least the probability `cutoff` (0 to 1).

    What a smoothed model believes at all of the impossible is mostly smoothing, so it is cut (Hewitt, Manning and Liang
    2022, "Truncation Sampling as Language Model Desmoothing", arXiv 2210.15191, section 4.1).
    """
    return kept_only(logits, logits.softmax(dim=-1) >= cutoff, keep, ties=True)


def eta(logits: Float[Tensor, "B V"], cutoff: float, *, keep: int = 1) -> Float[Tensor, "B V"]:
    """As `epsilon`, with the smaller of `cutoff` and sqrt(cutoff) * exp(-entropy) for a bar.

    Where everything is unlikely a fixed bar would cut good tokens; this one comes down with the entropy (Hewitt,
    Manning and Liang 2022, section 4.2).
    """
    log_probabilities = logits.log_softmax(dim=-1)
    probabilities = log_probabilities.exp()
    entropy = -(log_probabilities * probabilities).nansum(dim=-1, keepdim=True)
    bar = (cutoff**0.5 * (-entropy).exp()).clamp(max=cutoff)
    return kept_only(logits, probabilities >= bar, keep, ties=True)


def top_n_sigma(logits: Float[Tensor, "B V"], n: float, *, keep: int = 1) -> Float[Tensor, "B V"]:
    """Keep logits within `n` standard deviations (over the row's finite logits) of the largest.

    Most logits are noise around a mean, a few stand out; what lies closer to the largest than the noise is wide belongs
    to these (Tang et al. 2024, "Top-n-sigma: Not All Logits Are You Need", arXiv 2411.07641). The set of kept tokens is
    the same at every temperature.
    """
    if logits.amin().isfinite():
        deviation = (logits - logits.mean(dim=-1, keepdim=True)).square_().mean(dim=-1, keepdim=True).sqrt()
    else:
        finite = logits.isfinite()
        count = finite.sum(dim=-1, keepdim=True)
        mean = logits.masked_fill(~finite, 0).sum(dim=-1, keepdim=True) / count
        deviation = ((logits - mean).masked_fill(~finite, 0).square().sum(dim=-1, keepdim=True) / count).sqrt()
    bar = logits.amax(dim=-1, keepdim=True) - n * deviation
    return at_least(logits, bar) if keep == 1 else kept_only(logits, logits >= bar, keep)


def exclude_top_choices(
    logits: Float[Tensor, "B V"],
    uniforms: Float[Tensor, " B"],
    probability: float,
    threshold: float,
    *,
    keep: int = 1,
) -> Float[Tensor, "B V"]:
    """In rows whose uniform number is below `probability`, drop what has `threshold` or more, but for the least likely.

    Where several continuations are good, the best known one is the cliché; the rest stay good (XTC, by p-e-w, 2024,
    text-generation-webui pull request 6335).
    """
    (rows,) = (uniforms.to(logits) < probability).nonzero(as_tuple=True)
    probabilities = logits[rows].softmax(dim=-1)
    several = probabilities.topk(min(2, logits.shape[-1])).values.amin(dim=-1) >= threshold
    rows, probabilities = rows[several], probabilities[several]
    if not len(rows):
        return logits
    top = probabilities >= threshold
    least = torch.where(top, probabilities, torch.inf).argmin(dim=-1, keepdim=True)
    excluded = only(logits[rows], ~top.scatter(-1, least, False))
    enough = excluded.isfinite().sum(dim=-1, keepdim=True) >= keep
    return logits.index_copy(0, rows, torch.where(enough, excluded, logits[rows]))


def kept_only(
    logits: Float[Tensor, "B V"], kept: Bool[Tensor, "B V"], keep: int, *, ties: bool = False
) -> Float[Tensor, "B V"]:
    """-inf where not `kept`, but for the `keep` largest logits (with `ties` also those equal to the least of them)."""
    if keep == 1 and not ties:
        kept = kept.scatter(-1, logits.argmax(dim=-1, keepdim=True), True)
    elif keep == 1:
        kept = kept | (logits >= logits.amax(dim=-1, keepdim=True))
    else:
        largest = logits.topk(min(keep, logits.shape[-1]))
        spared = logits >= largest.values[:, -1:] if ties else torch.zeros_like(kept).scatter(-1, largest.indices, True)
        kept = kept | spared
    return only(logits, kept)


def only(logits: Float[Tensor, "B V"], kept: Bool[Tensor, "B V"]) -> Float[Tensor, "B V"]:
    """-inf where not `kept` (`where` takes half the time of `masked_fill` on a mask without order)."""
    return torch.where(kept, logits, -torch.inf)


def at_least(logits: Float[Tensor, "B V"], bars: Float[Tensor, "B 1"]) -> Float[Tensor, "B V"]:
    """-inf where below the row's bar. On a CPU row by row in place, a tenth of the time of `where` on a mask."""
    if logits.device.type != "cpu" or logits.dtype != torch.float32 or logits.requires_grad:
        return only(logits, logits >= bars)
    kept = logits.clone(memory_format=torch.contiguous_format)
    below = torch.nextafter(bars, torch.full_like(bars, -torch.inf)).squeeze(-1).tolist()
    for row, bar in zip(kept, below, strict=True):
        torch.nn.functional.threshold(row, bar, -torch.inf, inplace=True)  # x > bar, else -inf
    return kept
