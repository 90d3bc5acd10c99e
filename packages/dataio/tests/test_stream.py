import gc
import threading
import time
from itertools import count

import torch

import dataio
from dataio.stream import ReadAhead


def reading_threads() -> int:
    return sum(thread.name == "dataio-read-ahead" for thread in threading.enumerate())


def test_a_closed_or_forgotten_stream_leaves_no_thread():
    before = reading_threads()
    numbers = dataio.ArrayDataset(torch.arange(10))
    with dataio.Batches(numbers, 2).from_step(0) as stream:
        next(stream)
        assert reading_threads() == before + 1
    assert reading_threads() == before
    assert next(stream, None) is None
    stream.close()
    forgotten = dataio.Batches(numbers, 2).from_step(0)
    next(forgotten)
    del forgotten
    gc.collect()
    assert reading_threads() == before


def test_reading_ahead_stays_two_batches_ahead():
    read: list[int] = []
    with dataio.BatchStream(ReadAhead(lambda step: read.append(step) or step, count(5)), 5) as stream:
        deadline = time.monotonic() + 10
        while len(read) < 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.02)
        assert read == [5, 6]
        assert next(stream) == 5
