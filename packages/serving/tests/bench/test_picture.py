"""The picture is drawn, for one server and for two."""

import pytest

from serving.bench.client import Answer
from serving.bench.driving import Turn


@pytest.mark.extras
@pytest.mark.parametrize("count", [1, 2])
def test_three_plots_with_a_line_for_each_server(tmp_path, count):
    pytest.importorskip("matplotlib", reason="needs the extra plots")
    from serving.bench.picture import draw_bench

    turns = [Turn([Answer(200, [0.1, 0.2, 0.4], 0.5, 3, "length", True)] * 4, 1.0)] * 3
    names = ["http://127.0.0.1:1", "http://127.0.0.1:2"][:count]
    draw_bench(tmp_path / "bench.svg", names, [turns] * count)
    drawn = (tmp_path / "bench.svg").read_text("utf-8")
    assert drawn.count('id="axes_') == 3
