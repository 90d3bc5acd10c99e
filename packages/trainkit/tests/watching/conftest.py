"""What several test files of this folder make."""

import json

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trainkit import Step


@pytest.fixture(scope="session")
def make_steps():
    def it(start, stop):
        return [Step(n, 1 / n, 2.0 * n, 0.1, 64, 0.5) for n in range(start + 1, stop + 1)]

    return it


@pytest.fixture(scope="session")
def lines():
    def it(folder):
        return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]

    return it


@pytest.fixture(scope="session")
def points():
    def it(folder, tag):
        events = EventAccumulator(str(folder)).Reload()
        return [(event.step, event.value) for event in events.Scalars(tag)]

    return it
