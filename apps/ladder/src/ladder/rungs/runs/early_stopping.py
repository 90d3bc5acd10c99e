"""When to stop.

A model that is trained long enough learns its text by heart: the loss on what it learns from goes on falling, while the
loss on text it has never seen begins to rise. So some text is held out, and training stops once that loss has not
become better for a while. For a while, since it goes up and down by chance.

The rule with a patience of p: stop when none of the last p evaluations was better than the best one before them. Equal
is not better, and a loss of NaN is never better than anything.

Write `should_stop`: True when it is time, after all the losses of the list.
"""


def should_stop(losses: list[float], patience: int) -> bool:
    """Whether none of the last `patience` losses is below the lowest of those before. False while there are too few."""
    # hole
    # hint: Find where the best loss is, the first of them if several are equal. How many came after it?
    # hint: Go through the list with a `best` of infinity and a count of evaluations since; a better loss sets it to 0.
    # hint: `if loss < best` is False for NaN, as it should be. At the end: since >= patience.
    best, since = float("inf"), 0
    for loss in losses:
        if loss < best:
            best, since = loss, 0
        else:
            since += 1
    return since >= patience
    # end
