"""Drawing a token, but not any.

Each of 50,000 unlikely tokens is nearly impossible, and together they come every few words and spoil the text. Top-p
leaves them out: sort tokens by probability, and keep the fewest whose sum reaches p. The one that reaches it is kept,
too, so at least one always is. Where the model is sure few remain, where it is not many.

Then draw. One number u, chosen evenly between 0 and 1, is enough: lay the probabilities that were kept, sorted, side by
side on a line as long as their sum, and see where u times that length falls. No generator inside: the same u gives the
same token, which can be tested.

Write `draw`. Among equally likely tokens the one with the lower id comes first.
"""

from torch import Tensor


def draw(probabilities: Tensor, p: float, u: float) -> int:
    """The id that u, 0 <= u < 1, falls on among the tokens [V] that top-p keeps; 0 < p <= 1."""
    # hole
    # hint: probabilities.sort(descending=True, stable=True) gives sorted values and their ids.
    # hint: A token is kept if the sum of those before it is below p: sums = values.cumsum(0); kept = sums - values < p.
    # hint: The first of the kept whose cumulative sum is above u * (their sum); if rounding leaves none, the last.
    values, ids = probabilities.double().sort(descending=True, stable=True)
    kept = values[values.cumsum(0) - values < p]
    sums = kept.cumsum(0)
    place = int((sums <= u * sums[-1]).sum())
    return int(ids[min(place, len(kept) - 1)])
    # end
