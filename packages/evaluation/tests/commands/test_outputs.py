"""Few units are said to be few."""

import json
from dataclasses import asdict

import pytest

from evaluation.commands.outputs import ending, few, item_score, measured, show
from evaluation.intervals import Estimate
from evaluation.tasks.tasks import ItemScore
from workbench import finite


def test_few_units_are_no_ground_for_an_interval():
    assert [len(few(count, "piece")) for count in (1, 2, 29, 30)] == [0, 1, 1, 0]


def test_a_line_of_the_table_fits_80_columns():
    """The longest value and interval that four significant digits can have."""
    longest = Estimate(-1.2345e-100, -1.2345e-100, 1.2345e100)
    assert len(show(Estimate(-1.234e-5, -1.234e-5, -1.234e-5))) <= 36 <= len(show(longest))
    assert (ending("runs/001/model"), ending("x" * 40), ending("/home/" + "x" * 40)) == (
        "runs/001/model", "x" * 40, "…" + "x" * 39,
    )  # fmt: skip


OUTCOMES = [ItemScore((1.5, float("inf")), True, False), ItemScore((2.0,), False, last_token=(float("inf"), True))]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_comes_back_from_its_line(outcome):
    line = json.loads(json.dumps(finite(asdict(outcome))))
    assert item_score(line) == outcome
    for name, value in line.items():
        for other in ("x", [], {}, 3, [[None]], [1.0, "x"]):
            if name == "nats" or value is not None or other not in ([], {}):
                with pytest.raises(
                    ValueError, match=r"^wanted what an earlier run measured, got .*; name another file"
                ):
                    item_score({**line, name: other})
        if value is not None:
            with pytest.raises(ValueError, match="wanted what an earlier run measured"):
                item_score({key: value for key, value in line.items() if key != name})


@pytest.mark.parametrize("value", ["x", [], True, {}, float("inf"), float("nan"), 10**400])
def test_what_is_no_number_is_no_measure(value):
    assert (measured({"bits": None}, "bits"), measured({"bits": 3}, "bits")) == (float("inf"), 3)
    for line in ({"bits": value}, {}):
        with pytest.raises(ValueError, match=r"^wanted what an earlier run measured, got .*; name another file for"):
            measured(line, "bits")
