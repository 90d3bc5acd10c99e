"""Which layers suffer."""

import pytest

from quantization import (
    divergences,
    quantize,
    sensitivity,
)


def test_sensitivity_is_that_of_the_layer_alone_and_the_worst_comes_first(model, rows):
    costs = sensitivity(model, rows, "int4")
    assert [cost.divergence.nats for cost in costs] == sorted([cost.divergence.nats for cost in costs], reverse=True)
    assert len(costs) == 9
    worst = costs[0]
    alone = divergences(model, {"alone": quantize(model, {worst.layer: worst.scheme})}, rows)["alone"]
    assert worst.divergence.nats == pytest.approx(alone.nats, rel=1e-5)
