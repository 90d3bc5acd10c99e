"""Pictures say what was measured."""

import sys

import pytest

from quantization import (
    plot_clipping,
    plot_rounding,
)


def test_without_matplotlib_a_picture_says_what_to_install(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"wanted matplotlib.figure, but .* install the extra: quantization\[plots\]"):
        plot_rounding(model.decoder.blocks[0].attention.qkv.weight)


@pytest.mark.extras
def test_pictures_of_weights_have_a_line_for_every_way(model):
    weight = model.decoder.blocks[0].attention.qkv.weight
    assert len(plot_rounding(weight).axes[1].lines) == 4
    assert len(plot_clipping(weight).axes[0].lines) == 8
