"""Pictures, by what is drawn in them."""

import io

import numpy as np
import pytest
import torch

from embeddings import compare, heat_map, plot, project, similarity_map, wavelengths

pytest.importorskip("matplotlib", reason="needs the extra embeddings[plots]")

pytestmark = pytest.mark.extras


def cosine(vectors):
    return torch.nn.functional.cosine_similarity(vectors[:, None], vectors[None], dim=-1).numpy()


CENTERS = 8 * torch.eye(3, 10)


@pytest.fixture
def clusters():
    return CENTERS.repeat_interleave(20, 0) + torch.randn(60, 10)


def test_heat_map_shows_the_vectors_and_their_wavelengths():
    vectors = torch.randn(12, 8)
    axes = heat_map(vectors, wavelengths=wavelengths(8)).axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), vectors.numpy())
    assert axes.child_axes[0].get_xticklabels()[0].get_text() == "6"


def test_similarity_map_shows_cosines():
    vectors = torch.randn(4, 6)
    shown = similarity_map(vectors, list("abcd")).axes[0].images[0].get_array()
    np.testing.assert_allclose(shown, cosine(vectors), atol=1e-6)


@pytest.mark.parametrize("n", [3, 40, 200])
def test_labels_of_a_similarity_map_stand_apart_and_inside(n):
    figure = similarity_map(torch.randn(n, 6), [f"a label too long to be shown, {i}" for i in range(n)])
    figure.canvas.draw()
    for labels in (figure.axes[0].get_xticklabels(), figure.axes[0].get_yticklabels()):
        boxes = [label.get_window_extent() for label in labels]
        assert len(boxes) == min(n, 40)
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
        assert all(figure.bbox.fully_containsx(x) for box in boxes for x in (box.x0, box.x1))
        assert all(figure.bbox.fully_containsy(y) for box in boxes for y in (box.y0, box.y1))


def test_comparison_has_a_panel_for_each_method(clusters):
    pytest.importorskip("umap", reason="needs the extra embeddings[plots]")
    titles = [axes.get_title() for axes in compare(clusters).axes]
    assert [title.split(":")[0] for title in titles] == ["pca", "tsne", "umap"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: heat_map(torch.full((4, 3), torch.inf)), "finite vectors, got NaN or infinity in 4 of 4 rows"),
        (lambda: similarity_map(torch.full((4, 3), torch.nan)), "finite vectors, got NaN or infinity in 4 of 4 rows"),
        (lambda: plot(project(torch.randn(9, 3)), ["a"]), "wanted labels for 9 points, got 1"),
        (lambda: plot(project(torch.randn(9, 3)), theme="pink"), "a theme of light, dark, got 'pink'"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(call, message, refused):
    refused(call, message)


def test_tokens_that_do_not_print_and_formulas_that_are_none_are_written_as_text():
    """Every warning is an error here: a NUL has no glyph, and two dollars begin a formula that may be broken."""
    words = ["\0", r"$\frac$", "$$", "\x7f", "世", "a_b$c", "\ud800", "\n"]
    vectors = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    figure = plot(project(vectors, "pca"), words, [r"$\frac$", "\0"] * 4)
    figure.savefig(io.BytesIO())
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [r"\x00", r"\$\frac\$"]
    figure = similarity_map(vectors, words)
    figure.savefig(io.BytesIO())
    shown = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert shown == [r"\x00", r"\$\frac\$", r"\$\$", r"\x7f", r"\u4e16", r"a_b\$c", r"\ud800", r"\n"]
