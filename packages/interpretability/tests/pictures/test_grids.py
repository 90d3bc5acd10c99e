"""A patching as a picture: every cell is in it, kinds side by side."""

import pytest
import torch

from interpretability import Patching

pytestmark = pytest.mark.extras


def test_each_kind_is_a_panel_of_its_places_and_tokens():
    from interpretability.pictures.grids import draw_patching

    names = ("0.resid_pre", "0.head.0", "0.head.1", "1.resid_pre", "embed")
    patched = torch.arange(15.0).view(5, 3)
    figure = draw_patching(Patching(names, patched, 14.0, 0.0, "logit"), ["a", "b", "c"], "logit of x")
    panels = figure.axes[:-1]
    assert [axes.get_title() for axes in panels] == ["resid_pre", "head", "embed"]
    recovered = patched / 14.0
    shown = [torch.tensor(axes.images[0].get_array().tolist()) for axes in panels]
    torch.testing.assert_close(torch.cat(shown), recovered[[0, 3, 1, 2, 4]])
    assert [tick.get_text() for tick in panels[0].get_xticklabels()] == ["a", "b", "c"]
    assert [tick.get_text() for tick in panels[0].get_yticklabels()] == ["0", "1"]


def test_names_for_other_tokens_are_refused():
    from interpretability.pictures.grids import draw_patching

    with pytest.raises(ValueError, match="tokens: wanted 3 names, got 2"):
        draw_patching(Patching(("embed",), torch.zeros(1, 3), 1.0, 0.0, "logit"), ["a", "b"], "x")
