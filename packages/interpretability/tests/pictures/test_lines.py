"""Lines, bars and cells as matplotlib figures, drawn without pyplot."""

import pytest

pytestmark = pytest.mark.extras
pytest.importorskip("matplotlib", reason="pictures need the extra plots")


def test_a_history_has_a_line_a_measure_and_the_loss_on_an_axis_of_its_own():
    from interpretability.pictures.lines import plot_history

    figure = plot_history(
        [0, 10, 20], {"a": [0.1, 0.2, 0.3], "b": [1.0, 1.0, 0.0]}, ylabel="share", loss=[3.0, 2.0, 1.0]
    )
    left, right = figure.axes
    assert [line.get_label() for line in left.lines] == ["a", "b"]
    assert list(left.lines[0].get_ydata()) == [0.1, 0.2, 0.3]
    assert list(right.lines[0].get_ydata()) == [3.0, 2.0, 1.0]
    with pytest.raises(ValueError, match=r"for each of 2 steps, got \{'a': 3\}"):
        plot_history([0, 10], {"a": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match="no steps"):
        plot_history([], {})


def test_bars_stand_in_groups():
    from interpretability.pictures.lines import plot_bars

    axes = plot_bars(["x", "$y"], {"one": [1.0, 2.0], "two": [3.0, 4.0]}, title="t").axes[0]
    assert [bar.get_height() for bar in axes.patches] == [1, 2, 3, 4]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["x", r"\$y"]


def test_cells_hold_their_words():
    from interpretability.pictures.lines import plot_cells

    axes = plot_cells(["0", "1"], ["a", "b"], [[0.1, 0.9], [0.5, 0.0]], [["w", "x"], ["y", "$"]]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["w", "x", "y", r"\$"]
    assert axes.texts[1].get_color() == "white"
