"""Pictures of every depth, kind and transparency come out as bytes from black to white, or are refused by name."""

import struct
import zlib

import numpy as np
import pytest
import torch

import dataio

pytest.importorskip("torchvision", reason="needs the extra dataio[images]")
from PIL import Image
from torchvision.transforms import v2

pytestmark = pytest.mark.extras

GRADIENT = np.linspace(0, 65535, 4 * 256).round().astype(np.uint16).reshape(4, 256)
EXPECTED = (GRADIENT / 257.0).round()


def png(width: int, height: int, depth: int, kind: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file by hand: Pillow writes no 16-bit color and no bombs."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", rows), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)
    return b"\x89PNG\r\n\x1a\n" + body


def filtered(pixels: np.ndarray) -> bytes:
    """Rows of pixels with PNG's filter byte in front of each, compressed."""
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))


def gray16(path):
    path.with_suffix(".png").write_bytes(png(256, 4, 16, 0, filtered(GRADIENT.astype(">u2"))))
    return path.with_suffix(".png")


def gray16_and_alpha(path):
    pixels = np.stack([GRADIENT, np.full_like(GRADIENT, 65535)], -1)
    path.with_suffix(".png").write_bytes(png(256, 4, 16, 4, filtered(pixels.astype(">u2"))))
    return path.with_suffix(".png")


def color16(path):
    path.with_suffix(".png").write_bytes(png(256, 4, 16, 2, filtered(np.stack([GRADIENT] * 3, -1).astype(">u2"))))
    return path.with_suffix(".png")


def gray16_tiff(path):
    Image.fromarray(GRADIENT).save(path.with_suffix(".tif"))
    return path.with_suffix(".tif")


def gray16_tiff_with_white_as_zero(path):
    Image.fromarray(65535 - GRADIENT).save(path.with_suffix(".tif"), tiffinfo={262: 0})
    return path.with_suffix(".tif")


def gray16_pgm(path):
    path.with_suffix(".pgm").write_bytes(b"P5 256 4 65535\n" + GRADIENT.astype(">u2").tobytes())
    return path.with_suffix(".pgm")


def gray12_pgm(path):
    path.with_suffix(".pgm").write_bytes(b"P5 256 4 4095\n" + (GRADIENT // 16).astype(">u2").tobytes())
    return path.with_suffix(".pgm")


def palette(path):
    image = Image.fromarray(EXPECTED.astype(np.uint8)).convert("P")
    image.save(path.with_suffix(".gif"))
    return path.with_suffix(".gif")


DEEP = [gray16, gray16_and_alpha, color16, gray16_tiff, gray16_tiff_with_white_as_zero, gray16_pgm, gray12_pgm, palette]


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("write", DEEP, ids=lambda write: write.__name__)
def test_every_depth_is_scaled(tmp_path, write, mode):
    pixels = dataio.read_image(write(tmp_path / "image"), mode)
    assert pixels.dtype == torch.uint8
    assert pixels.shape == (len(mode), 4, 256)
    assert np.abs(pixels.double().numpy() - EXPECTED).max() <= 1.0
    assert float(pixels.double().mean()) == pytest.approx(127.5, abs=0.6)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_are_scaled_too(tmp_path, bits):
    values = np.arange(2**bits)
    packed = np.packbits(((values[:, None] >> np.arange(bits)[::-1]) & 1).astype(np.uint8).ravel())
    (tmp_path / "image.png").write_bytes(png(2**bits, 1, bits, 0, filtered(packed[None])))
    assert dataio.read_image(tmp_path / "image.png").flatten().tolist() == (values * 255 // (2**bits - 1)).tolist()


@pytest.mark.parametrize(
    "pixels",
    [np.full((2, 2), 70000, np.int32), np.full((2, 2), 0.5, np.float32)],
    ids=["32-bit", "float"],
)
def test_pixels_without_a_white_are_refused_by_name(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "image.tif")
    with pytest.raises(
        ValueError, match=r"image\.tif is not: its pixels are of kind '[IF]', whose white is nowhere said"
    ):
        dataio.read_image(tmp_path / "image.tif")


@pytest.mark.parametrize("kind", ["RGBA", "LA", "P", "L", "I;16"])
def test_what_is_transparent_is_white_paper(tmp_path, kind):
    ink = {"RGBA": (0, 0, 0, 255), "LA": (0, 255), "P": 1, "L": 40, "I;16": 40 * 257}[kind]
    clear = {"RGBA": (0, 0, 0, 0), "LA": (0, 0), "P": 0, "L": 0, "I;16": 0}[kind]
    image = Image.new(kind, (2, 1), clear)
    image.putpixel((1, 0), ink)
    if kind == "P":
        image.putpalette([0, 0, 0, 40, 40, 40])
    image.save(tmp_path / "image.png", **({"transparency": 0} if kind in ("P", "L", "I;16") else {}))
    black = 40 if kind in ("P", "L", "I;16") else 0
    assert dataio.read_image(tmp_path / "image.png").flatten().tolist() == [255, black]
    assert dataio.read_image(tmp_path / "image.png", "RGB")[:, 0, 0].tolist() == [255] * 3


def test_half_transparent_ink_is_gray_and_asked_for_alpha_is_kept(tmp_path):
    Image.new("RGBA", (1, 1), (0, 0, 0, 128)).save(tmp_path / "image.png")
    assert dataio.read_image(tmp_path / "image.png").item() == pytest.approx(127, abs=1)
    assert dataio.read_image(tmp_path / "image.png", "RGBA").flatten().tolist() == [0, 0, 0, 128]
    with pytest.raises(ValueError, match=r"wanted one of the modes L, RGB, LA, RGBA, got 'I;16'"):
        dataio.read_image(tmp_path / "image.png", "I;16")


@pytest.mark.parametrize("side", [20_000, 12_000, 2**31 - 1])
def test_a_small_file_of_many_pixels_is_refused_before_it_is_decoded(tmp_path, side):
    rows = zlib.compress(b"\0" * 1000)
    (tmp_path / "bomb.png").write_bytes(png(side, side, 8, 0, rows))
    with pytest.raises(ValueError, match=r"wanted an image that can be decoded, but .*bomb\.png is not: .*pixels"):
        dataio.read_image(tmp_path / "bomb.png")


def test_turned_16_bit_pictures_stand_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(GRADIENT).save(tmp_path / "image.png", exif=exif)
    pixels = dataio.read_image(tmp_path / "image.png")
    assert pixels.shape == (1, 256, 4)
    assert float(pixels.double().mean()) == pytest.approx(127.5, abs=0.6)


WHITE = [
    np.array([[0, 255]], np.uint8),
    np.array([[0, 65535]], np.uint16),
    torch.tensor([[[0, 255]]], dtype=torch.uint8),
    np.array([[0.0, 1.0]], np.float32),
    Image.fromarray(np.array([[0, 65535]], np.uint16)),
    Image.fromarray(np.array([[0, 255]], np.uint8)),
    Image.fromarray(np.array([[0, 255]], np.uint8)).convert("P"),
    Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1"),
]


@pytest.mark.parametrize("image", WHITE, ids=lambda image: f"{type(image).__name__} {getattr(image, 'dtype', '')}")
def test_tensors_go_from_black_0_to_white_1(image):
    found = dataio.to_tensor()(image)
    assert found.dtype == torch.float32
    assert found[0].flatten().tolist() == pytest.approx([0.0, 1.0], abs=1e-6)


@pytest.mark.parametrize(
    "image",
    [np.array([[0, 255]]), np.array([[0, 255]], np.int32), np.array([[0.0, 255.0]]), torch.tensor([[[0, 255]]])],
    ids=["int64", "int32", "float64", "tensor"],
)
def test_arrays_without_a_white_are_refused(image):
    with pytest.raises(ValueError, match="wanted uint8 or uint16, or floating-point numbers from 0 to 1, got"):
        dataio.to_tensor()(image)


def test_what_torchvision_reads_from_8_bits_stays(tmp_path):
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(tmp_path / "image.png")
    with Image.open(tmp_path / "image.png") as image:
        assert torch.equal(dataio.read_image(tmp_path / "image.png", "RGB"), v2.PILToTensor()(image.convert("RGB")))
