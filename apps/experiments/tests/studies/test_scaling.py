"""The law is found again where the runs tell it, and said to be unknown where they do not."""

import dataclasses

import numpy as np
import pytest
from scipy.optimize import curve_fit

from experiments import fit, read_plan
from experiments.results import of_run
from experiments.studies.law import Fit
from experiments.studies.scaling import as_data, scale, told

TRUE = (0.8, 40.0, 0.35, 60.0, 0.30)


def law(at, e, a, alpha, b, beta):
    return e + a * at[0] ** -alpha + b * at[1] ** -beta


def grid(noise: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pairs = [(n, 4**k * 4e12 / n) for k in range(5) for n in (1e4, 4e4, 2e5, 1e6, 6e6)]
    n, d = np.array(pairs).T
    d = d / 1e5
    return n, d, law((n, d), *TRUE) + noise * np.random.default_rng(3).standard_normal(len(n))


def test_the_law_is_found_again_as_scipy_finds_it():
    n, d, y = grid(0.002)
    ours = fit(n, d, y)
    theirs, _ = curve_fit(law, (n, d), y, p0=TRUE, maxfev=20_000)
    assert ours.residual < 0.004
    for name, k in (("a", 2), ("b", 4)):
        low, high = ours.interval(name)
        assert low <= theirs[k] <= high
        assert ours.parameters[k] == pytest.approx(theirs[k], rel=0.15)
    assert ours.unidentified == []
    larger = (2e7, 4 * d.max())
    value, low, high = ours.predict(*larger)
    assert low < law(larger, *TRUE) < high
    assert value == pytest.approx(law(larger, *TRUE), abs=0.02)


def test_what_the_runs_do_not_tell_is_said():
    n, d, y = grid()
    flat = fit(n, d, 2 + 0.05 * np.random.default_rng(0).standard_normal(len(n)))
    assert flat.unidentified
    assert isinstance(flat, Fit)
    for few in (slice(0, 5), slice(0, 0)):
        with pytest.raises(ValueError, match="wanted at least 6 runs to fit five numbers"):
            fit(n[few], d[few], y[few])
    with pytest.raises(ValueError, match="wanted at least 3 sizes and 3 numbers of tokens, got 1"):
        fit([1e4] * 8, d[:8], y[:8])


def test_the_grid_is_of_equal_compute_and_the_larger_run_is_predicted_before_it_is_made(tmp_path, plan_in):
    table = "[scale]\nwidths = [16, 32, 48]\nbudgets = [1e8, 3e8, 9e8]\n"
    text = plan_text_of(plan_in, tmp_path) + table
    asked = []

    def run(plan):
        asked.append([one.name for one in plan.runs])
        return [_result(one) for one in plan.runs]

    outcome = scale(read_plan(plan_in(tmp_path, text)), run)
    assert [len(names) for names in asked] == [9, 10]
    assert asked[1][:9] == asked[0]
    for one in outcome.results:
        budget = float(one.recipe.partition("-c")[2])
        assert one.flops == pytest.approx(budget, rel=0.15)
    assert outcome.measured.flops == pytest.approx(4 * 9e8, rel=0.05)
    assert outcome.held
    assert outcome.fit.residual < 0.05
    assert "Measured" in told(outcome)
    assert as_data(outcome)["held"] is True


def plan_text_of(plan_in, tmp_path) -> str:
    return (
        "\n\n".join(
            part for part in plan_in(tmp_path).read_text().split("\n\n") if "decay" not in part and "slow" not in part
        )
        + "\n"
    )


def _result(run):
    """As if the law were true."""
    recipe = run.facts["recipe"]
    from gpt2 import GPT2Config

    config = GPT2Config(**recipe["config"])
    tokens = recipe["steps"] * recipe["batch_size"] * config.n_ctx
    one = of_run(run, bits_per_byte=law((config.n_parameters, tokens), *TRUE), cpu_seconds=1.0, seconds=1.0, curve=[])
    flops = float(config.flops_per_token() * tokens)
    return dataclasses.replace(one, parameters=config.n_parameters, tokens=tokens, flops=flops)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", r"\[scale\]: wanted a table with widths and budgets"),
        ("[scale]\nwidths = [16]\nbudgets = [1e8, 2e8]", "scale.widths: wanted at least two numbers above 0"),
        ("[scale]\nwidths = [16, 32]\nbudgets = [1e8, -2e8]", "scale.budgets: wanted at least two numbers above 0"),
        ("[scale]\nwidths = [16, 32.5]\nbudgets = [1e8, 2e8]", "scale.widths: wanted whole numbers"),
        ("[scale]\nwidth = 3", "scale.width: wanted widths and budgets, got another field"),
    ],
)
def test_a_table_that_is_none(table, said, tmp_path, plan_in):
    plan = read_plan(plan_in(tmp_path, plan_text_of(plan_in, tmp_path) + table + "\n"))
    with pytest.raises(ValueError, match=said):
        scale(plan, lambda part: [])
