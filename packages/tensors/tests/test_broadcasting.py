import numpy as np
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import array_shapes

from tensors import explain_broadcast

shapes = st.just(()) | array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=3)


@given(shapes, shapes)
def test_the_explanation_is_right_about_every_pair(left, right):
    explanation = explain_broadcast(left, right)
    try:
        theirs = np.broadcast_shapes(left, right)
    except ValueError:
        theirs = None
    assert explanation.shape == theirs
    assert bool(explanation) == (theirs is not None)
    assert sum(step.startswith("axis") for step in explanation.steps) == max(len(left), len(right))


def test_each_axis_is_told():
    assert str(explain_broadcast((4, 1, 3), (5, 3))) == (
        "(4, 1, 3) and (5, 3) give (4, 5, 3)\n"
        "  axis -1: both have 3\n"
        "  axis -2: left has 1 and is repeated 5 times\n"
        "  axis -3: right has no such axis and is repeated 4 times"
    )


@given(shapes, shapes)
def test_the_new_axis_that_is_advised_helps(left, right):
    advice = explain_broadcast(left, right).steps[-1:]
    for side, widened in (("left", ((*left, 1), right)), ("right", (left, (*right, 1)))):
        if advice and f"write {side}[..., None]" in advice[0]:
            assert np.broadcast_shapes(*widened)


def test_rows_that_meet_one_number_per_row_get_the_usual_advice():
    assert "write right[..., None], which has shape (4, 1)" in str(explain_broadcast((4, 3), (4,)))
