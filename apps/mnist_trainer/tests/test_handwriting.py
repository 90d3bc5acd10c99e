"""However a digit is drawn, the network gets to see it as it saw the digits that it learned from."""

import numpy as np
import pytest
import torch
from PIL import Image

from dataio import digits
from mnist_trainer import predict
from mnist_trainer.handwriting import DIGITS_FRAMING, MNIST_FRAMING, frame, ink_of, read_drawing

WAYS = {
    "as it is": {},
    "light on dark": {"ink": "white", "paper": "black"},
    "pale pencil": {"ink": (170, 170, 180), "paper": (235, 232, 225)},
    "in a corner": {"scale": 0.35, "left": 0.6, "top": 0.55, "pen": 8},
    "large": {"side": 1200, "pen": 80},
    "no paper": {"paper": (0, 0, 0, 0)},
    "light and no paper": {"ink": "white", "paper": (0, 0, 0, 0)},
}


@pytest.mark.parametrize("way", WAYS)
def test_digits_drawn_by_hand_are_read(way, reader, drawing, tmp_path):
    answers = {}
    for digit in "01234569":
        drawing(digit, **WAYS[way]).save(tmp_path / "digit.png")
        answers[digit] = predict(reader, tmp_path / "digit.png").answer
    assert answers == {digit: digit for digit in "0123456789" if digit in answers}


def test_held_out_digits_on_large_dark_paper_are_read_as_well_as_the_originals(reader, default_run, tmp_path):
    images, labels = default_run.data.test.arrays
    right = 0
    for number in range(100):
        pixels = np.kron(images[number, 0].numpy() * 255, np.ones((12, 12))).astype(np.uint8)
        paper = Image.new("L", (400, 300), 0)
        paper.paste(Image.fromarray(pixels), (37 + 2 * number, 150 - number))
        paper.save(tmp_path / "digit.png")
        right += predict(reader, tmp_path / "digit.png").answer == str(int(labels[number]))
    assert right >= 97


def test_a_framed_digit_is_framed_already():
    for image in digits("test").arrays[0][:50]:
        assert torch.allclose(frame(image[0] / image.max(), DIGITS_FRAMING).amax(0), _middle(image[0]), atol=1e-6)


def test_mnist_framing_puts_twenty_pixels_around_the_centre_of_mass(drawing, tmp_path):
    for digit in "0123456":
        drawing(digit, side=500, pen=30).save(tmp_path / "digit.png")
        image = read_drawing(tmp_path / "digit.png", MNIST_FRAMING)[0]
        rows, columns = image.any(1).nonzero().flatten(), image.any(0).nonzero().flatten()
        assert max(int(rows[-1] - rows[0]), int(columns[-1] - columns[0])) + 1 == 20
        places = torch.arange(28.0)
        assert abs(float((image.sum(1) * places).sum() / image.sum()) - 14) <= 0.5
        assert abs(float((image.sum(0) * places).sum() / image.sum()) - 14) <= 0.5


def test_place_colour_and_size_of_the_drawing_do_not_matter(drawing, tmp_path):
    def seen(**way):
        drawing("5", **way).save(tmp_path / "digit.png")
        return read_drawing(tmp_path / "digit.png", MNIST_FRAMING)

    plain = seen(scale=0.5, pen=12)
    assert torch.equal(seen(scale=0.5, pen=12, left=0.25, top=0.5), plain)
    assert torch.allclose(seen(scale=0.5, pen=12, ink="white", paper="black"), plain, atol=1e-5)
    assert float((seen(scale=0.5, side=560, pen=24) - plain).abs().mean()) < 0.01


@pytest.mark.parametrize("gray", [0, 128, 255])
def test_an_empty_image_is_an_error(gray):
    image = torch.stack([torch.full((20, 30), gray, dtype=torch.uint8), torch.full((20, 30), 255, dtype=torch.uint8)])
    with pytest.raises(ValueError, match=r"wanted ink.*got 0\.0%.*draw one digit"):
        ink_of(image)


def _middle(image):
    """The columns with ink, moved to the middle of the 8 as the framing does."""
    image = image / image.max()
    columns = (image > 0.2).any(0).nonzero().flatten()
    ink = image[:, columns[0] : columns[-1] + 1]
    start = round((8 - ink.shape[1]) / 2)
    middle = torch.zeros(8, 8)
    middle[:, start : start + ink.shape[1]] = ink
    return middle
