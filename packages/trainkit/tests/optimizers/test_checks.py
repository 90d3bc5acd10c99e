"""No optimizer takes what torch.optim refuses, nor a number that is not finite; neither do schedules and guards."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from trainkit import (
    Moments,
    Muon,
    Patience,
    SpikeGuard,
    adam,
    adamw,
    constant,
    cosine,
    linear_to_zero,
    moving_average,
    muon,
    sgd,
    warmup_stable_decay,
)

NAN, INF = math.nan, math.inf
MODEL = nn.Linear(3, 2)
ONE = torch.ones(1)


def group(**changed):
    return Muon([{"params": [nn.Parameter(torch.ones(2, 2))], **changed}])


def added(**changed):
    optimizer = group()
    with pytest.raises(ValueError, match="wanted") as caught:
        optimizer.add_param_group({"params": [nn.Parameter(torch.ones(2, 2))], **changed})
    assert len(optimizer.param_groups) == 1
    raise caught.value


def moments(**changed):
    return adam(ONE, ONE, Moments(ONE, ONE), **{"learning_rate": 0.1, **changed})


RATES, FACTORS = [-1.0, NAN, INF, -INF], [-0.1, NAN, INF]
BETAS = [(1.0, 0.9), (0.9, 1.0), (-0.1, 0.9), (NAN, 0.9), (0.9, 2.0)]
CASES = [
    *[(make, {"lr": rate}) for make in (group, added) for rate in RATES],
    *[
        (make, {"kind": kind, "betas": betas})
        for make in (group, added)
        for kind in ("muon", "adam")
        for betas in BETAS
    ],
    *[(group, {"momentum": momentum}) for momentum in (-0.1, 1.0, NAN)],
    *[(group, {name: value}) for name in ("weight_decay", "eps") for value in FACTORS],
    *[(partial(adamw, MODEL), {"learning_rate": rate}) for rate in [*RATES, 0.0]],
    *[(partial(adamw, MODEL, 0.1), {"betas": betas}) for betas in BETAS],
    *[(partial(adamw, MODEL, 0.1), {"weight_decay": decay}) for decay in FACTORS],
    *[(partial(muon, MODEL, adam_learning_rate=0.1), {"learning_rate": rate}) for rate in [*RATES, 0.0]],
    *[(partial(muon, MODEL, 0.1), {"adam_learning_rate": rate}) for rate in [*RATES, 0.0]],
    *[(partial(muon, MODEL, 0.1, adam_learning_rate=0.1), {"betas": betas}) for betas in BETAS],
    *[(partial(muon, MODEL, 0.1, adam_learning_rate=0.1), {"weight_decay": decay}) for decay in FACTORS],
    *[(moments, {"learning_rate": rate}) for rate in RATES],
    *[(moments, {"betas": betas}) for betas in BETAS],
    *[(moments, {name: value}) for name in ("epsilon", "weight_decay") for value in FACTORS],
    *[(partial(sgd, ONE, ONE, ONE), {"learning_rate": rate}) for rate in RATES],
    *[(partial(sgd, ONE, ONE, ONE, learning_rate=0.1), {"momentum": value}) for value in (-0.1, 1.0, NAN)],
    *[(partial(moving_average, MODEL), {"decay": value}) for value in (-0.1, 1.0, NAN)],
    *[(make, {"warmup": value}) for make in (constant, partial(cosine, 9)) for value in (-1, -9)],
    *[(make, {"steps": steps}) for make in (linear_to_zero, cosine, warmup_stable_decay) for steps in (0, -1)],
    *[(partial(cosine, 9), {"floor": value}) for value in (-0.1, 1.1, NAN)],
    *[(partial(warmup_stable_decay, 9), {"decay": value}) for value in (0.0, 1.1, NAN)],
    *[(SpikeGuard, {name: value}) for name in ("window", "skip_limit") for value in (-1, -9)],
    *[(SpikeGuard, {"sigmas": value}) for value in (0.0, -1.0, NAN)],
    *[(Patience, {"steps": value}) for value in (0, -1)],
    *[(partial(Patience, 3), {"minimum": value}) for value in (-0.1, NAN, INF)],
]


@pytest.mark.parametrize(("make", "settings"), CASES)
def test_what_cannot_work_is_refused(make, settings):
    with pytest.raises(ValueError, match=r"wanted .*, got .*; "):
        make(**settings)


@pytest.mark.parametrize("settings", [{"lr": 0.0}, {"betas": (0.0, 0.0)}, {"momentum": 0.0}, {"eps": 0.0}])
def test_the_ends_that_torch_takes_are_taken(settings):
    assert group(**settings).param_groups[0].items() >= settings.items()
