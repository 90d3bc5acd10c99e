"""Counting and timing are arithmetic over given clocks."""

from serving.queueing import Buckets, Rate, Tally


def test_values_go_to_the_first_bucket_that_holds_them():
    buckets = Buckets((1, 2, 4))
    for value in (0.5, 1, 1.5, 4, 4.5, 100):
        buckets.add(value)
    assert (buckets.shown.counts, buckets.shown.sum) == ((2, 1, 1, 2), 111.5)


def test_a_rate_is_what_came_over_the_time_it_took():
    rate = Rate(seconds=10)
    assert rate.per_second(0) == 0
    for second in range(5):
        rate.add(float(second), 3)
    assert rate.per_second(4) == 3
    assert rate.per_second(8) == 12 / 8
    assert rate.per_second(100) == 0


def test_waiting_is_foretold_from_the_rate_of_late():
    tally = Tally()
    assert tally.retry_after(50, 0.0) == 1  # nothing is known yet
    for second in range(0, 20, 2):
        tally.rows.add(float(second))
    assert tally.retry_after(4, 18.0) == 10  # five rows at one in two seconds
    assert tally.retry_after(10**6, 18.0) == 600
