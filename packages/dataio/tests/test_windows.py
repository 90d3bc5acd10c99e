import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import dataio

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
# Python 3.12 and newer warn of every fork in a process with threads, which a process with torch always is.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


END = 7


def one_by_one(row: list[int]) -> tuple[list[int], list[int]]:
    ids, positions = [], []
    document, place = 0, -1
    for token in row:
        place += 1
        if token == END:
            document, place = document + 1, 0
        ids.append(document)
        positions.append(place)
    return ids, positions


RANKS = """
import ctypes, mmap, sys, numpy as np, dataio
from dataio.tokens.files import HEADER_BYTES

T = 2048
tokens = dataio.read_shards([sys.argv[1]])
part = tokens.parts[0]
windows = dataio.TokenWindows(tokens, T)
ranks = [dataio.Batches(windows, 32, seed=1, rank=rank, world_size=4) for rank in range(4)]
protect = ctypes.CDLL(None, use_errno=True).mprotect
protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
first, size = part.ctypes.data - HEADER_BYTES, HEADER_BYTES + part.nbytes
for batches in ranks:
    assert protect(first, size, 0) == 0  # from here on, touching the file ends this process
    own = np.concatenate([batches.indices(step) for step in range(3)])
    for window in own.tolist():
        begin = (HEADER_BYTES + 2 * T * window) // mmap.PAGESIZE * mmap.PAGESIZE
        end = HEADER_BYTES + 2 * (T * window + T + 1)
        assert protect(first + begin, end - begin, 1) == 0  # readable
    for step in range(3):
        for inputs, targets in batches[step]:
            expected = T * batches.indices(step)[:, None] + np.arange(T)
            assert (inputs.numpy() == expected % 60_000).all()
print("each rank read its own windows", flush=True)
ranks[0][0]
print("another rank's windows too")
"""


@given(st.lists(st.integers(5, 8), min_size=14, max_size=80), st.booleans())
def test_windows_bring_documents_and_places_beside_the_same_tokens(tokens, ragged):
    plain = dataio.TokenWindows(np.array(tokens), 6, ragged=ragged)
    windows = dataio.TokenWindows(np.array(tokens), 6, ragged=ragged, end_of_text=END)
    order = np.arange(len(windows))
    inputs, targets, ids, positions = windows.fetch(order)
    assert torch.equal(inputs, plain.fetch(order)[0])
    assert torch.equal(targets, plain.fetch(order)[1])
    expected = [one_by_one(row) for row in inputs.tolist()]
    assert ids.tolist() == [row[0] for row in expected]
    assert positions.tolist() == [row[1] for row in expected]
    assert [field.tolist() for field in windows[1]] == [f[1].tolist() for f in (inputs, targets, ids, positions)]


@pytest.mark.skipif(sys.platform == "win32", reason="forbids pages as POSIX does")
def test_a_rank_touches_the_bytes_of_its_own_windows_alone(tmp_path):
    dataio.write_tokens(tmp_path / "a.bin", np.arange(2048 * 1000 + 1) % 60_000, 60_000)
    command = [sys.executable, "-c", RANKS, tmp_path / "a.bin"]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert outcome.stdout == "each rank read its own windows\n", outcome.stderr
    assert outcome.returncode in (-signal.SIGSEGV, -signal.SIGBUS)


def test_mapped_windows_are_sent_to_workers_as_their_path(tmp_path):
    dataio.write_tokens(tmp_path / "a.bin", np.arange(60_000), 60_000)
    mapped = dataio.read_tokens(tmp_path / "a.bin")
    for tokens in (mapped, dataio.read_shards([tmp_path / "a.bin"] * 2)):
        windows = dataio.TokenWindows(tokens, 8)
        data = pickle.dumps(windows)
        assert len(data) < 1000
        assert torch.equal(pickle.loads(data)[3][0], windows[3][0])
    part = dataio.TokenWindows(mapped[100:200], 8)
    assert pickle.loads(pickle.dumps(part))[0][0].tolist() == list(range(100, 108))


@given(st.integers(2, 200), st.integers(1, 40))
def test_ragged_windows_cover_every_token_once(count, length):
    tokens = np.arange(1, count + 1)
    inputs, targets = dataio.TokenWindows(tokens, length, ragged=True).fetch(np.arange(-(-(count - 1) // length)))
    counted = targets != dataio.IGNORED
    assert targets[counted].tolist() == list(range(2, count + 1))
    assert inputs[counted].tolist() == list(range(1, count))
    assert inputs[~counted].eq(0).all()


@given(st.integers(2, 200), st.integers(1, 40), st.integers(1, 50))
def test_windows_are_slices_of_the_tokens(count, length, stride):
    tokens = np.arange(count, dtype=np.uint16)
    if count < length + 1:
        with pytest.raises(ValueError, match=f"wanted at least {length + 1} tokens .*got {count}; use a longer text"):
            dataio.TokenWindows(tokens, length)
        return
    windows = dataio.TokenWindows(tokens, length, stride=stride)
    starts = [start for start in range(0, count, stride) if start + length + 1 <= count]
    assert len(windows) == len(starts)
    for index, start in enumerate(starts):
        inputs, targets = windows[index]
        assert inputs.dtype == targets.dtype == torch.int64
        assert inputs.tolist() == list(range(start, start + length))
        assert targets.tolist() == list(range(start + 1, start + length + 1))


@pytest.mark.parametrize("ragged", [False, True])
def test_fetching_many_windows_equals_reading_them_one_by_one(ragged):
    windows = dataio.TokenWindows(np.random.default_rng(0).integers(0, 50, 103), 8, ragged=ragged)
    order = np.array([3, 0, len(windows) - 1, 3])
    inputs, targets = windows.fetch(order)
    for row, index in enumerate(order):
        assert torch.equal(inputs[row], windows[int(index)][0])
        assert torch.equal(targets[row], windows[int(index)][1])
    assert windows.fetch(order[:0])[0].shape == (0, 8)
    with pytest.raises(IndexError, match="wanted a window index below"):
        windows[len(windows)]


def test_bad_windows_are_refused():
    tokens = np.arange(10)
    with pytest.raises(ValueError, match=r"wanted stride == length for ragged windows .*leave out stride"):
        dataio.TokenWindows(tokens, 4, stride=2, ragged=True)
    with pytest.raises(ValueError, match="at least 1, got 0 and 0"):
        dataio.TokenWindows(tokens, 0)
    with pytest.raises(ValueError, match=r"wanted a 1-D array of tokens, got shape \(2, 5\)"):
        dataio.TokenWindows(tokens.reshape(2, 5), 2)
    with pytest.raises(TypeError, match="got dtype float64"):
        dataio.TokenWindows(tokens.astype(float), 2)


@pytest.mark.parametrize(("count", "length"), [(41, 5), (40, 5), (8, 4), (100, 1)])
def test_shifted_windows_tile_the_text_from_another_place_in_every_epoch(count, length):
    windows = dataio.ShiftedWindows(np.arange(count), length)
    batches = dataio.Batches(windows, 1, seed=7, drop_last=True)
    offsets = []
    for epoch in range(12):
        steps = range(epoch * len(batches), (epoch + 1) * len(batches))
        rows = sorted(batches[n][0][0][0].tolist() for n in steps)
        offsets.append(rows[0][0])
        assert np.concatenate(rows).tolist() == list(range(offsets[-1], offsets[-1] + len(rows) * length))
        assert len(rows) == count // length - 1
        assert all(torch.equal(batch[1], batch[0] + 1) for n in steps for batch in batches[n])
    assert set(offsets) <= set(range(length))
    assert len(set(offsets)) > 1 or length == 1
    later = [batch[0] for (batch,) in batches.from_step(5, 9)]
    assert all(torch.equal(a, batches[n][0][0]) for a, n in zip(later, range(5, 9), strict=True))


def test_shifted_windows_need_a_text_of_two():
    with pytest.raises(ValueError, match="wanted at least 10 tokens for shifted windows of 5, got 9"):
        dataio.ShiftedWindows(np.arange(9), 5)
