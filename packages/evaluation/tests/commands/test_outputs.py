"""Few units are said to be few."""

from evaluation.commands.outputs import few


def test_few_units_are_no_ground_for_an_interval():
    assert [len(few(count, "piece")) for count in (1, 2, 29, 30)] == [0, 1, 1, 0]
