"""What a run trains is put together as its recipe says; torch's schedulers are the judges."""

import typing

import pytest
import torch
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR, SequentialLR

from gpt2 import Recipe, recipe
from gpt2.training.optimizing import schedule_of, schedules_of

JUDGES = {
    "linear": lambda optimizer, steps: LinearLR(optimizer, 1.0, 0.0, total_iters=steps),
    "cosine": lambda optimizer, steps: CosineAnnealingLR(optimizer, steps, eta_min=0.1),
    "stable": lambda optimizer, _: SequentialLR(
        optimizer, [ConstantLR(optimizer, 1.0), LinearLR(optimizer, 1.0, 0.0, total_iters=5)], [1]
    ),  # the last five of ten steps
}


def of(name: str, warmup: int = 4, steps: int = 10):
    return schedule_of(recipe("tiny").replace(schedule=name, steps=steps, warmup=warmup))


@pytest.mark.parametrize("name", typing.get_args(typing.get_type_hints(Recipe)["schedule"]))
def test_each_schedule_that_a_recipe_may_name_warms_up_and_then_falls_as_torchs_does(name):
    factor = of(name)
    assert [factor(step) for step in range(4)] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    judge = JUDGES[name](optimizer, 6)
    for step in range(4, 10):
        assert factor(step) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        judge.step()


@pytest.mark.parametrize("name", ["linear", "cosine"])  # "stable" falls in any case
def test_a_run_shorter_than_its_warm_up_rises_to_its_last_step(name):
    assert [of(name, warmup=700, steps=4)(step) for step in range(4)] == pytest.approx([1 / 3, 2 / 3, 1.0, 1.0])


def test_decay_and_momentum_follow_the_steps_where_the_recipe_says_so():
    assert schedules_of(recipe("tiny")) == {}
    both = schedules_of(recipe("tiny").replace(decay_schedule="linear", momentum_ramp=True, steps=30))
    assert [both["weight_decay"](step) for step in (0, 15, 29)] == pytest.approx([1.0, 0.5, 1 / 30])
    momenta = [0.95 * both["momentum"](step) for step in range(30)]
    assert momenta[0] == pytest.approx(0.85)
    assert momenta[10:28] == pytest.approx([0.95] * 18)
    assert momenta[28:] == pytest.approx([0.85 + 0.1 * 10 * (1 - n / 30) for n in (28, 29)])


def test_it_looks_ahead_from_a_quarter_of_the_steps_to_nine_tenths():
    ahead = schedules_of(recipe("tiny").replace(lookahead=0.3, steps=20))["lookahead"]
    assert [ahead(step) for step in range(20)] == [0.0] * 5 + [1.0] * 13 + [0.0] * 2
