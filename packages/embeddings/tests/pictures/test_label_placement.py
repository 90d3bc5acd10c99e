import numpy as np
import pytest

from embeddings import Projection, plot

pytest.importorskip("matplotlib", reason="needs the extra embeddings[plots]")

pytestmark = pytest.mark.extras


def test_labels_never_overlap_and_the_first_ones_win():
    points = Projection(np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32), "pca", 1.0)
    figure = plot(points, [f"label {i}" for i in range(300)], groups=[str(i % 3) for i in range(300)], theme="dark")
    axes = figure.axes[0]
    boxes = [note.get_window_extent() for note in axes.texts]
    assert axes.texts[0].get_text() == "label 0"
    assert 20 < len(boxes) < 300
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["0", "1", "2"]
