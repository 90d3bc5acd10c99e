"""Bars show the numbers that they are given, in their order."""

import pytest

from evaluation import Estimate
from interpretability import Effect

pytestmark = pytest.mark.extras


def test_bars_are_the_values_with_the_first_on_top():
    from interpretability.pictures.bars import LESS, MORE, draw_bars

    figure = draw_bars([("0.head.1", 2.0), ("·the", -0.5)], "logit of ·a", "logit")
    axes = figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == [2.0, -0.5]
    assert [bar.get_facecolor()[:3] for bar in axes.patches] == [rgb(MORE), rgb(LESS)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0.head.1", "·the"]
    assert axes.yaxis_inverted()


def test_effects_have_intervals_and_chance_is_gray(tmp_path):
    from interpretability.pictures.bars import CHANCE, MORE, draw_effects

    effects = [
        Effect("0.head.0", Estimate(0.3, 0.2, 0.4), 0.001, 0.01),
        Effect("0.head.1", Estimate(0.1, -0.1, 0.3), 0.4, 0.8),
    ]
    figure = draw_effects(effects, "mean ablation")
    axes = figure.axes[0]
    assert [bar.get_facecolor()[:3] for bar in axes.patches] == [rgb(MORE), rgb(CHANCE)]
    assert [list(line.get_xdata()) for line in axes.lines[1:]] == [[0.2, 0.4], [-0.1, 0.3]]
    figure.savefig(tmp_path / "effects.svg")
    assert "0.head.1" in (tmp_path / "effects.svg").read_text("utf-8")


def rgb(color):
    from matplotlib.colors import to_rgb

    return to_rgb(color)
