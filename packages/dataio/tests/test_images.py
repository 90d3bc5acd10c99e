"""Images and what is done to them, held against torchvision, NumPy and files written here by hand."""

import gzip
import hashlib
import http.server
import logging
import struct
import sys
import threading
from functools import partial

import numpy as np
import pytest
import torch

import dataio

pytest.importorskip("torchvision", reason="needs the extra dataio[images]")
from PIL import Image
from torchvision import datasets
from torchvision.transforms import v2


def idx_bytes(array: np.ndarray, code: int = 0x08) -> bytes:
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5) * 4
LABELS = np.array([7, 0, 9], dtype=np.uint8)


@pytest.mark.parametrize(("dot", "zipped", "deep"), [("-", True, False), (".", False, False), ("-", False, True)])
def test_mnist_reads_idx_files_from_disk(tmp_path, dot, zipped, deep):
    folder = tmp_path / "MNIST" / "raw" if deep else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in ((f"train-images{dot}idx3-ubyte", IMAGES), (f"train-labels{dot}idx1-ubyte", LABELS)):
        data = idx_bytes(array)
        (folder / (name + (".gz" if zipped else ""))).write_bytes(gzip.compress(data) if zipped else data)
    images, labels = dataio.mnist("train", mnist_root=tmp_path).arrays
    assert labels.tolist() == [7, 0, 9]
    assert torch.equal((images * 255).round().byte()[:, 0], torch.from_numpy(IMAGES))
    assert images.dtype == torch.float32
    with pytest.raises(FileNotFoundError, match=r"wanted t10k-images-idx3-ubyte .*copy MNIST's files"):
        dataio.mnist("test", mnist_root=tmp_path)


@pytest.mark.parametrize(("code", "dtype"), [(0x09, ">i1"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")])
def test_idx_files_of_every_type_come_back(tmp_path, code, dtype):
    array = np.array([[1, -2, 3], [4, 5, -6]])
    (tmp_path / "file").write_bytes(idx_bytes(array.astype(dtype), code))
    assert np.array_equal(dataio.read_idx(tmp_path / "file"), array)


WHOLE = idx_bytes(LABELS)
BAD_IDX = {
    "missing": (None, FileNotFoundError, "wanted an IDX file, but .* does not exist"),
    "other": (b"PNG..", ValueError, "wanted an IDX file .* begins 50 4e 47 2e; download"),
    "no sizes": (WHOLE[:6], ValueError, "wanted 1 sizes .*got 6 bytes"),
    "short": (WHOLE[:-1], ValueError, r"wanted 11 bytes for shape \(3,\) .*got 10; the file was cut short"),
    "long": (WHOLE + b"x", ValueError, "wanted 11 bytes .*got 12"),
    "torn gzip": (gzip.compress(WHOLE)[:-9], ValueError, "wanted a whole gzip file, .* is damaged"),
}


@pytest.mark.parametrize(("content", "kind", "message"), BAD_IDX.values(), ids=BAD_IDX)
def test_bad_idx_files_are_refused(tmp_path, content, kind, message):
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    with pytest.raises(kind, match=message):
        dataio.read_idx(tmp_path / "file")


def test_mnist_refuses_labels_that_are_no_digits_and_files_that_do_not_fit(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(IMAGES))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.array([1, 10, 2], dtype=np.uint8)))
    with pytest.raises(ValueError, match="wanted labels from 0 to 9, got 10 at 1"):
        dataio.mnist(mnist_root=tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS[:2]))
    with pytest.raises(ValueError, match=r"got shapes \(3, 4, 5\) and \(2,\); take both files"):
        dataio.mnist(mnist_root=tmp_path)
    with pytest.raises(ValueError, match="wanted split 'train' or 'test', got 'dev'"):
        dataio.mnist("dev")


@pytest.fixture
def mirror(tmp_path):
    """A mirror of four small files on this machine, and their checksums."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    resources = []
    for name, array in (("train-images-idx3", IMAGES), ("train-labels-idx1", LABELS)) * 2:
        name = f"{name if not resources[1:] else name.replace('train', 't10k')}-ubyte.gz"
        data = gzip.compress(idx_bytes(array), mtime=0)
        (folder / name).write_bytes(data)
        resources.append((name, hashlib.md5(data).hexdigest()))
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", resources
    server.shutdown()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments) -> None:
        pass


NOWHERE = "http://127.0.0.1:9/"


def test_mnist_goes_through_mirrors_until_one_answers(mirror, monkeypatch, tmp_path):
    address, resources = mirror
    monkeypatch.setattr(datasets.MNIST, "mirrors", [NOWHERE, address])
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    assert dataio.mnist("test", cache=tmp_path / "cache").arrays[1].tolist() == [7, 0, 9]
    monkeypatch.setattr(datasets.MNIST, "mirrors", [NOWHERE])
    assert len(dataio.mnist("train", cache=tmp_path / "cache")) == 3, "what was downloaded once is not asked for again"


def test_mnist_says_what_to_do_offline_and_about_a_wrong_checksum(mirror, monkeypatch, tmp_path, caplog):
    address, resources = mirror
    monkeypatch.setattr(datasets.MNIST, "resources", [(name, "0" * 32) for name, _ in resources])
    for mirrors in ([NOWHERE], [address]):
        monkeypatch.setattr(datasets.MNIST, "mirrors", mirrors)
        with (
            caplog.at_level(logging.CRITICAL),
            pytest.raises(
                ConnectionError, match=r"(?s)wanted to download MNIST .*3 attempts.*check the.*mnist_root=.*digits"
            ),
        ):
            dataio.mnist(cache=tmp_path / "cache", wait=0.001)


@pytest.fixture
def folder(tmp_path):
    for name, color in (("cat", 10), ("dog", 200)):
        for number in range(2):
            place = tmp_path / "animals" / name
            place.mkdir(parents=True, exist_ok=True)
            pixels = np.full((4, 6, 3), (color, number, 0), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{number}.png")
    return tmp_path / "animals"


def test_image_folders_agree_with_torchvision_s(folder):
    theirs = datasets.ImageFolder(str(folder), transform=v2.PILToTensor())
    ours = dataio.ImageFolder(folder, "RGB")
    assert list(ours.classes) == theirs.classes
    assert len(ours) == len(theirs) == 4
    for (image, label), (their_image, their_label) in zip((ours[i] for i in range(4)), theirs, strict=True):
        assert torch.equal(image, their_image)
        assert label == their_label
    assert dataio.ImageFolder(folder)[0][0].shape == (1, 4, 6)


def test_a_corrupt_image_is_named(folder):
    whole = (folder / "cat" / "1.png").read_bytes()
    for content in (b"no picture", whole[: len(whole) // 2], b""):
        (folder / "cat" / "1.png").write_bytes(content)
        with pytest.raises(ValueError, match=r"wanted an image that can be decoded, but .*cat.1\.png is not.*replace"):
            dataio.ImageFolder(folder)[1]
        with pytest.raises(dataio.ExampleError, match=r"wanted example 1 of ImageFolder.*cat.1\.png") as caught:
            dataio.Batches(dataio.ImageFolder(folder), 4)[0]
        assert caught.value.index == 1


def test_image_folders_without_classes_or_images_are_refused(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match=r"wanted a folder with one folder per class, but .* is none"):
        dataio.ImageFolder(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"wanted one folder per class .*got none"):
        dataio.ImageFolder(folder / "cat")
    (folder / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"wanted images \(.png .* in .*empty, got none"):
        dataio.ImageFolder(folder)
    with pytest.raises(FileNotFoundError, match=r"wanted an image, but .* does not exist"):
        dataio.read_image(tmp_path / "none.png")


def test_images_of_unequal_size_need_a_transform(folder):
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(folder / "cat" / "1.png")
    mixed = dataio.ImageFolder(folder)
    with pytest.raises(ValueError, match=r"wanted examples of equal shape.*resize them with a transform"):
        dataio.Batches(mixed, 4)[0]
    resized = dataio.Transformed(mixed, dataio.compose(v2.Resize((5, 5)), dataio.to_tensor()))
    [(images, _)] = dataio.Batches(resized, 4)[0]
    assert images.shape == (4, 1, 5, 5)
    assert 0.0 <= float(images.min()) <= float(images.max()) <= 1.0
    assert torch.equal(dataio.in_memory(resized).arrays[0][0], resized[0][0])


def test_to_tensor_scales_to_one():
    image = Image.fromarray(np.array([[0, 255]], dtype=np.uint8))
    tensor = dataio.to_tensor()(image)
    assert type(tensor) is torch.Tensor
    assert torch.equal(tensor, torch.tensor([[[0.0, 1.0]]]))


def test_statistics_are_numpy_s_and_normalising_with_them_gives_mean_0_and_deviation_1():
    random = np.random.default_rng(0)
    images = (
        random.normal(size=(2500, 3, 4, 5)) * [[[0.1]], [[2.0]], [[1.0]]] + [[[1000.0]], [[0.0]], [[-3.0]]]
    ).astype(np.float32)
    dataset = dataio.ArrayDataset(images)
    measured = dataio.statistics(dataset)
    assert np.allclose(measured.mean, images.mean((0, 2, 3), dtype=np.float64), rtol=1e-12)
    assert np.allclose(measured.std, images.std((0, 2, 3), dtype=np.float64), rtol=1e-9)
    [(normal,)] = dataio.Batches(dataio.BatchTransformed(dataset, dataio.normalise(measured)), 2500)[0]
    assert normal.mean((0, 2, 3)).abs().max() < 1e-3
    assert (normal.std((0, 2, 3), correction=0) - 1).abs().max() < 1e-3


def test_statistics_refuse_what_cannot_be_measured():
    images = np.zeros((1100, 1, 2, 2), dtype=np.float32)
    with pytest.raises(ValueError, match=r"wanted channels that vary, got standard deviations \(0.0,\)"):
        dataio.normalise(dataio.statistics(dataio.ArrayDataset(images)))
    images[1077, 0, 1, 1] = np.nan
    with pytest.raises(ValueError, match="got NaN or infinity in example 1077; repair"):
        dataio.statistics(dataio.ArrayDataset(images))
    with pytest.raises(ValueError, match="wanted at least one example to measure"):
        dataio.statistics(dataio.ArrayDataset(images[:0]))


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 17, 24)])
def test_affine_augmentation_is_torchvision_s_affine(shape):
    images = torch.rand(6, *shape, generator=torch.Generator().manual_seed(0))
    augment = dataio.AffineAugmentation(degrees=40.0, translate=0.2, scale=0.3, shear=25.0)
    keys = dataio.example_keys(range(6))
    ours, changes = augment(images, keys), augment.draw(keys)
    for row, (angle, shear, right, down, factor) in enumerate(changes.tolist()):
        move = [right * shape[2], down * shape[1]]
        # torchvision rounds moves to whole pixels in its public function, so its kernel is asked.
        theirs = v2.functional.affine_image(
            images[row], angle, move, factor, [shear, 0.0], interpolation=v2.InterpolationMode.BILINEAR
        )
        assert (ours[row] - theirs).abs().max() < 2e-4
    assert len({tuple(row) for row in changes.tolist()}) == 6
    spread = torch.tensor([40, 25, 0.2, 0.2, 0.3])
    assert ((changes - torch.tensor([0, 0, 0, 0, 1.0])).abs() <= spread).all()


def test_augmentation_without_strength_changes_nothing():
    images = torch.rand(4, 1, 8, 8)
    still = dataio.AffineAugmentation(0.0, 0.0, 0.0, 0.0)
    assert torch.allclose(still(images, dataio.example_keys(range(4))), images, atol=1e-6)


def test_uniform_numbers_are_uniform_and_independent():
    numbers = dataio.uniform(dataio.example_keys(range(20_000), 1, 2), 3).double()
    assert 0.0 <= float(numbers.min()) < float(numbers.max()) < 1.0
    counts = torch.stack([torch.histc(numbers[:, i], 20, 0, 1) for i in range(3)])
    chi_square = ((counts - 1000) ** 2 / 1000).sum(1)
    assert (chi_square < 50).all()  # 19 degrees of freedom: passed by chance once in 7,000
    assert (torch.corrcoef(numbers.T) - torch.eye(3)).abs().max() < 0.03
    assert abs(float(torch.corrcoef(torch.stack([numbers[:-1, 0], numbers[1:, 0]]))[0, 1])) < 0.03


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_an_augmented_example_is_the_same_however_it_is_read():
    digits = dataio.ArrayDataset(torch.rand(20, 1, 8, 8), torch.arange(20))
    at_once = dataio.Augmented(digits, dataio.AffineAugmentation())
    one_by_one = dataio.Transformed(digits, v2.RandomAffine(15, interpolation=v2.InterpolationMode.BILINEAR))
    helped = {"num_workers": 1, "start_method": "fork"}
    for dataset in (at_once, one_by_one):
        whole = dataio.Batches(dataset, 20, seed=4)
        cut = dataio.Batches(dataset, 20, seed=4, rank=1, world_size=2, micro_batch_size=3, **helped)
        with cut.from_step(2, 3) as stream:  # epoch 2, as after a resume
            [step] = list(stream)
        images = {int(label): image for images, labels in whole[2] for image, label in zip(images, labels, strict=True)}
        for part, labels in step:
            for image, label in zip(part, labels, strict=True):
                assert torch.allclose(image, images[int(label)], atol=1e-6)
        before = {int(label): image for images, labels in whole[1] for image, label in zip(images, labels, strict=True)}
        assert not any(torch.equal(before[label], images[label]) for label in images)


def test_augmented_under_transformed_is_refused():
    digits = dataio.ArrayDataset(torch.rand(20, 1, 8, 8), torch.arange(20))
    inner = dataio.Subset(dataio.Augmented(digits, dataio.AffineAugmentation()), [1])
    with pytest.raises(TypeError, match="wanted a dataset whose examples are read one by one, got one over Augmented"):
        dataio.Transformed(inner, v2.Identity())


def test_images_explain_a_missing_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.transforms.v2", None)
    with pytest.raises(ImportError, match=r"install the extra: dataio\[images\]"):
        dataio.to_tensor()


def test_a_contact_sheet_shows_every_image(tmp_path):
    images = torch.zeros(5, 1, 8, 8)
    images[3] = 1.0
    path = dataio.contact_sheet(dataio.ArrayDataset(images, torch.arange(5)), tmp_path / "sheet.png", columns=3)
    pixels = np.asarray(Image.open(path).convert("L"))
    assert pixels.shape == (2 * (48 + 18), 3 * (48 + 4))
    corner = (slice(66 + 2, 66 + 50), slice(2, 50))
    assert (pixels[corner] == 255).all()
    assert (pixels[2:50, 2:50] == 0).all()
