import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tensors import Value, draw, softmax_cross_entropy
from tensors.pictures.graphs import BOX, HEIGHT

SVG = "{http://www.w3.org/2000/svg}"


def deep_graph():
    value = Value(1.0)
    for _ in range(300):
        value = value + 1
    return value


def network():
    x, w, b = Value([[1.0, 2.0]], "x"), Value([[0.5, -0.5], [0.25, 0.75]], "w"), Value([0.0, 0.1], "b")
    loss = softmax_cross_entropy((x @ w + b).tanh() * x, [1])
    loss.backward()
    return loss, w


def test_mermaid_has_a_box_for_every_value_and_an_arrow_for_every_use():
    loss, _ = network()
    text = draw(loss).mermaid
    assert text.startswith("flowchart TD\n")
    assert len(re.findall(r"^    n\d+[\[(]", text, re.M)) == 8
    assert len(re.findall(r"^    n\d+ --> n\d+$", text, re.M)) == 8
    assert text.count("w  (2, 2)<br/>value -0.5 to 0.75<br/>gradient") == 1


def test_svg_shows_label_shape_value_and_gradient_of_every_value():
    loss, w = network()
    root = ElementTree.fromstring(draw(loss).svg)
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert len(texts) == 3 * 8
    assert texts.count("w  (2, 2)") == 1
    assert f"gradient {w.grad.min():.3g} to {w.grad.max():.3g}" in texts
    assert f"value {loss.data:.3g}" in texts
    assert len(root.findall(f"{SVG}path")) == 8


def test_boxes_of_an_svg_do_not_overlap_and_arrows_point_down():
    root = ElementTree.fromstring(draw(network()[0]).svg)
    boxes = [(float(r.get("x", 0)), float(r.get("y", 0))) for r in root.iter(f"{SVG}rect")][1:]
    for i, (x, y) in enumerate(boxes):
        assert all(abs(x - a) >= BOX or abs(y - b) >= HEIGHT for a, b in boxes[:i])
    for path in root.findall(f"{SVG}path"):
        numbers = [float(number) for number in re.findall(r"[\d.]+", path.get("d", ""))]
        assert numbers[-1] > numbers[1]
        x, y = numbers[-2:]
        assert any(x == a + BOX / 2 and y == b for a, b in boxes), "an arrow ends at no box"


def test_the_picture_in_the_readme_is_what_the_readme_draws():
    x, target, w, b = Value(2.0, "x"), Value(1.0, "target"), Value(-0.5, "w"), Value(1.5, "b")
    loss = ((x * w + b).tanh() - target) ** 2
    loss.backward()
    picture = Path(__file__).parents[2] / "pictures" / "neuron.svg"
    assert picture.read_text("utf-8") == draw(loss).svg + "\n"


def test_a_label_cannot_break_out_of_the_picture():
    drawing = draw(Value(1.0, '<script>"x"</script>'))
    assert ElementTree.fromstring(drawing.svg) is not None
    assert "<script>" not in drawing.svg + drawing.mermaid
    assert "gradient not computed" in drawing.mermaid


@pytest.mark.parametrize(
    ("call", "kind", "got"),
    [
        pytest.param(lambda: draw(deep_graph()), ValueError, "601", id="a graph too large to read"),
    ],
)
def test_a_refusal_says_what_was_wanted_what_came_and_what_to_do(call, kind, got, refused):
    refused(call, kind, got)
