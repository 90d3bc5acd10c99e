import pytest
import torch
from PIL import Image, ImageDraw

from mnist_trainer import Reader, TrainSettings, load, run

torch.set_num_threads(1)

STROKES = {
    "0": [(50, 10), (28, 22), (22, 50), (28, 78), (50, 90), (72, 78), (78, 50), (72, 22), (50, 10)],
    "1": [(38, 28), (54, 10), (54, 90)],
    "2": [(25, 30), (35, 13), (55, 10), (72, 22), (70, 42), (50, 62), (24, 90), (78, 90)],
    "3": [(26, 18), (50, 10), (70, 22), (66, 40), (46, 48), (68, 58), (74, 74), (52, 90), (26, 82)],
    "4": [(64, 90), (64, 10), (22, 62), (80, 62)],
    "5": [(72, 10), (34, 10), (30, 45), (52, 40), (72, 54), (72, 76), (52, 90), (26, 84)],
    "6": [(66, 10), (42, 30), (28, 60), (34, 82), (52, 90), (70, 80), (70, 62), (52, 52), (32, 64)],
    "9": [(70, 36), (52, 46), (34, 38), (32, 20), (50, 10), (68, 18), (70, 36), (66, 64), (52, 90)],
}
"""How a hand draws digits, in hundredths of a canvas. 7 and 8 have as many shapes as hands, so they prove little."""


def draw(digit, *, side=280, pen=20, scale=1.0, left=0.0, top=0.0, ink="black", paper="white"):
    """An image with one digit of `scale` times its size at (left, top), both as fractions of the side."""
    image = Image.new("RGBA", (side, side), paper)
    points = [((x * scale / 100 + left) * side, (y * scale / 100 + top) * side) for x, y in STROKES[digit]]
    pencil = ImageDraw.Draw(image)
    pencil.line(points, fill=ink, width=pen, joint="curve")
    for x, y in points:
        pencil.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=ink)
    return image


@pytest.fixture(scope="session")
def drawing():
    return draw


@pytest.fixture(scope="session")
def default_run(tmp_path_factory):
    """The default recipe, run once to its end."""
    finished = run(TrainSettings(out=tmp_path_factory.mktemp("runs") / "default", device="cpu"))
    for _ in finished:
        pass
    return finished


@pytest.fixture(scope="session")
def reader(default_run) -> Reader:
    return load(default_run.folder)
