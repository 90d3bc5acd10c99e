"""A search looks where it was told to, keeps the best, and asks for new seeds."""

import dataclasses

import pytest

from experiments import parse_plan, read_plan, search
from experiments.results import of_run
from experiments.studies.searching import confirmation, draws, told

SPACE = "\n[search]\nweight_decay = [0.0, 0.1, 0.2]\nn_layer = [1, 2]\n"
RANGE = "\n[search]\nlearning_rate = { low = 1e-3, high = 1e-1, log = true }\n"


@pytest.fixture
def plan(tmp_path, plan_in):
    """A plan with one recipe and this table."""

    def make(table: str):
        parts = plan_in(tmp_path).read_text().split("\n\n")
        text = "\n\n".join(part for part in parts if "decay" not in part and "slow" not in part)
        return read_plan(plan_in(tmp_path, text.replace("steps = 6", "steps = 27") + "\n" + table))

    return make


def judge(asked):
    """As if a weight decay of 0.1, two layers, a rate of 0.01 and more steps were best."""

    def run(part):
        asked.append(part)
        found = []
        for one in part.runs:
            recipe = one.facts["recipe"]
            bits = 2 + abs(recipe["weight_decay"] - 0.1) - 0.1 * recipe["config"]["n_layer"] - 0.001 * recipe["steps"]
            bits += abs(recipe["learning_rate"] - 0.01)
            found.append(of_run(one, bits_per_byte=bits, cpu_seconds=1.0, seconds=1.0, curve=[]))
        return found

    return run


def test_a_grid_is_all_combinations(plan):
    asked = []
    found = search(plan(SPACE), "grid", 1, judge(asked))
    assert len(found) == 6
    assert found[0].changes == {"weight_decay": 0.1, "n_layer": 2}
    assert [one.bits_per_byte for one in found] == sorted(one.bits_per_byte for one in found)
    assert (len(asked), len(asked[0].runs)) == (1, 12)
    assert "weight_decay = 0.1, n_layer = 2" in told(found).splitlines()[1]


def test_halving_runs_the_better_third_three_times_as_long(plan):
    asked = []
    found = search(plan(RANGE), "halving", 9, judge(asked))
    assert [sorted({run.facts["recipe"]["steps"] for run in part.runs}) for part in asked] == [[3], [9], [27]]
    assert [len(part.runs) for part in asked] == [18, 6, 2]
    assert len(found) == 9
    rates = [one.changes["learning_rate"] for one in found]
    assert abs(rates[0] - 0.01) == min(abs(rate - 0.01) for rate in rates)


def test_halving_takes_its_part_of_the_steps_of_each_text(plan, tmp_path):
    asked, whole = [], plan(RANGE)
    longer = [dataclasses.replace(run, text="longer", n_bytes=600_000) for run in whole.runs]
    runs = [dataclasses.replace(run, base="quick", changes={}) for run in (*whole.runs, *longer)]
    runs = [dataclasses.replace(run, n_bytes=300_000) if run.text == "topics" else run for run in runs]
    search(dataclasses.replace(whole, runs=tuple(runs)), "halving", 3, judge(asked))
    steps = [{run.text: run.facts["recipe"]["steps"] for run in part.runs} for part in asked]
    assert steps == [{"topics": 37, "longer": 73}, {"topics": 110, "longer": 220}, {"topics": 330, "longer": 660}]
    assert all(run.recipe.endswith(f"-{run.changes['steps']}") for run in asked[0].runs)


def test_draws_are_the_same_each_time_and_none_twice():
    space = {"n_layer": {"low": 1, "high": 4}, "dropout": {"low": 0.0, "high": 0.5}, "schedule": ["linear", "cosine"]}
    first = draws(space, 30)
    assert first == draws(space, 30)
    assert len({str(one) for one in first}) == 30
    assert {one["n_layer"] for one in first} == {1, 2, 3, 4}
    assert all(0 <= one["dropout"] <= 0.5 for one in first)
    assert len(draws({"n_layer": [1, 2]}, 30)) == 2


def test_the_winner_is_tried_again_on_seeds_that_were_not_looked_at(plan, tmp_path):
    whole = plan(SPACE)
    found = search(whole, "grid", 1, judge([]))
    path = confirmation(whole, found, tmp_path / "plan.toml", tmp_path / "plan-grid")
    new = read_plan(path)
    assert new.recipes == ["base", "base-found"]
    assert not {run.seed for run in new.runs} & {run.seed for run in whole.runs}
    assert [run.changes for run in new.runs][-1] == {**whole.runs[0].changes, **found[0].changes}


@pytest.mark.parametrize(
    ("table", "method", "trials", "said"),
    [
        ("", "grid", 1, r"\[search\]: wanted a table of fields and their values"),
        (RANGE, "grid", 1, "learning_rate: wanted a list of values for a grid, got a range"),
        (RANGE, "random", 0, "--trials: wanted 1 to 1000, got 0"),
        ("[search]\nn_layer = 3", "grid", 1, "search.n_layer: wanted a list of values, or low below high, got 3"),
        ("[search]\nn_head = [3]", "grid", 1, r"\[search\]: --n-embd: wanted a multiple of n_head"),
        (
            "[search]\nlearning_rat = [1]",
            "grid",
            1,
            r"search.learning_rat: wanted an option of train.*mean learning_rate",
        ),
        ('[search]\nweight_decay = ["a"]', "grid", 1, r"\[search\]: weight_decay: wanted a number"),
        (RANGE.replace("1e-3", "-1.0"), "random", 2, "search.learning_rate: wanted low above 0"),
    ],
)
def test_a_space_that_is_none(table, method, trials, said, plan):
    with pytest.raises(ValueError, match=said):
        search(plan(table), method, trials, judge([]))


def test_one_recipe_is_searched_from(tmp_path, plan_in, plan_text):
    with pytest.raises(ValueError, match="recipes: wanted one that is searched from, got 3"):
        search(parse_plan(plan_text + SPACE, plan_in(tmp_path)), "grid", 1, judge([]))
