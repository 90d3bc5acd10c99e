"""Long runs."""

import json
import os
from pathlib import Path

import pytest

import gpt2

STEPS = 10_000


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_ten_thousand_steps_need_no_more_memory_than_one_thousand(text_file, tmp_path):
    settings = gpt2.TrainSettings(
        text=str(text_file), out=tmp_path / "run", recipe="tiny", steps=STEPS, batch_size=4, evaluate_every=500
    )
    held = {}
    for step in gpt2.run(settings):
        if step.number in (1000, STEPS):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            held[step.number] = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    print(f"resident after 1,000 and {STEPS:,} steps: {held}")  # noqa: T201  what the session says of it: pytest -s
    assert held[STEPS] < held[1000] + 10  # MiB
    assert len(list((tmp_path / "run" / "checkpoints").glob("step-*"))) <= 3  # the last two and the best
    lines = [json.loads(line)["step"] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines == sorted(lines)
    assert lines[-1] == STEPS
