"""MNIST from files and mirrors of this machine."""

import gzip
import hashlib
import http.server
import logging
import struct
import threading
from functools import partial

import numpy as np
import pytest
import torch

import dataio


def idx_bytes(array: np.ndarray, code: int = 0x08) -> bytes:
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5) * 4


LABELS = np.array([7, 0, 9], dtype=np.uint8)


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
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", resources
    server.shutdown()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture
def datasets():
    return pytest.importorskip("torchvision.datasets", reason="needs the extra dataio[images]")


NOWHERE = "http://127.0.0.1:9/"


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


@pytest.mark.extras
def test_mnist_goes_through_mirrors_until_one_answers(mirror, datasets, monkeypatch, tmp_path):
    address, resources = mirror
    monkeypatch.setattr(datasets.MNIST, "mirrors", [NOWHERE, address])
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    assert dataio.mnist("test", cache=tmp_path / "cache").arrays[1].tolist() == [7, 0, 9]
    monkeypatch.setattr(datasets.MNIST, "mirrors", [NOWHERE])
    assert len(dataio.mnist("train", cache=tmp_path / "cache")) == 3, "what was downloaded once is not asked for again"


@pytest.mark.extras
def test_mnist_says_what_to_do_offline_and_about_a_wrong_checksum(mirror, datasets, monkeypatch, tmp_path, caplog):
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
