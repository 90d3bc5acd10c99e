"""Figures by what is drawn in them: the numbers of the map, and the names of the tokens."""

import sys

import pytest
import torch

from attention import (
    causal,
    documents,
    padding,
    plot_heads,
    plot_layers,
    plot_map,
    plot_mask,
    plot_scores,
    rollout,
)

TOKENS = ["The", " cat", " $at", "\n"]


def drawn(axes):
    return torch.tensor(axes.images[0].get_array().tolist())


def names(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def maps(layers=2, heads=3, length=4):
    return {f"blocks.{n}": torch.rand(2, heads, length, length).softmax(-1) for n in range(layers)}


@pytest.mark.extras
@pytest.mark.parametrize(
    "mask", [causal(), padding(torch.tensor([1, 3])), causal() & documents(torch.tensor([0, 0, 1, 1]))]
)
def test_a_mask_is_drawn_dark_where_it_shows(mask, tmp_path):
    figure = plot_mask(mask, 4, row=1, tokens=TOKENS)
    expected = mask.dense(2, 4, 4).expand(2, 1, 4, 4)[1, 0].float()
    assert torch.equal(drawn(figure.axes[0]), expected)
    assert figure.axes[0].get_title().replace("\n", " ") == str(mask)
    figure.savefig(tmp_path / "mask.png")
    assert (tmp_path / "mask.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.extras
def test_tokens_are_named_on_both_sides_and_readable():
    figure = plot_map(torch.eye(4), TOKENS, title="itself")
    axes = figure.axes[0]
    assert names(axes.xaxis) == names(axes.yaxis) == ["The", "·cat", r"·\$at", r"\n"]
    figure.draw_without_rendering()


@pytest.mark.extras
def test_another_text_has_names_of_its_own():
    axes = plot_map(torch.rand(4, 2), TOKENS, source=["Die", " Katze"]).axes[0]
    assert names(axes.xaxis) == ["Die", "·Katze"]
    assert len(names(axes.yaxis)) == 4


@pytest.mark.extras
def test_every_head_and_their_average_are_drawn_for_the_row_asked_for():
    weights = maps(heads=5)["blocks.0"]
    axes = [axes for axes in plot_heads(weights, TOKENS, row=1).axes if axes.images and axes.get_title()]
    assert [a.get_title() for a in axes] == [*(f"head {h}" for h in range(5)), "average"]
    for a, expected in zip(axes, [*weights[1], weights[1].mean(0)], strict=True):
        torch.testing.assert_close(drawn(a), expected)
        assert a.images[0].get_clim() == (0.0, pytest.approx(float(weights[1].max())))


@pytest.mark.extras
def test_every_layer_and_the_rollout_are_drawn():
    recorded = maps()
    axes = [axes for axes in plot_layers(recorded, TOKENS).axes if axes.get_title()]
    expected = [*(weights[0].mean(0) for weights in recorded.values()), rollout(list(recorded.values()))[0]]
    assert [a.get_title() for a in axes] == ["blocks.0", "blocks.1", "rollout"]
    for a, numbers in zip(axes, expected, strict=True):
        torch.testing.assert_close(drawn(a), numbers)


@pytest.mark.extras
def test_scores_stand_in_their_fields():
    figure = plot_scores({"first": torch.tensor([0.25, 1.0]), "second": torch.tensor([0.5, 0.0])}, "previous token")
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.25", "1.00", "0.50", "0.00"]
    assert names(figure.axes[0].yaxis) == ["first", "second"]


@pytest.mark.extras
def test_a_long_text_is_drawn_without_names():
    axes = plot_map(torch.eye(60), [str(n) for n in range(60)]).axes[0]
    assert names(axes.yaxis) != [str(n) for n in range(60)]


def test_pictures_say_which_extra_they_need(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"wanted matplotlib.figure, but .*install the extra: attention\[plots\]"):
        plot_map(torch.eye(3))


@pytest.mark.extras
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot_map(torch.eye(3), TOKENS), "names for 3 queries; got 4; pass one a token"),
        (lambda: plot_map(torch.rand(4, 3), TOKENS), "names for 3 keys; got 4"),
        (lambda: plot_heads(maps()["blocks.0"], TOKENS[:2]), "names for 4 queries; got 2"),
        (lambda: plot_layers({}), "the maps of one layer or more; got none"),
        (lambda: plot_scores({}), r"layers with as many heads; got \[\] numbers"),
        (lambda: plot_scores({"a": torch.ones(2), "b": torch.ones(3)}), r"got \[2, 3\] numbers"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(unchecked, call, message):
    with pytest.raises(ValueError, match=message):
        call()
