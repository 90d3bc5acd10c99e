"""Claims about the list of files: whatever is damaged is found and named."""

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from torch import nn

from trainkit import (
    CheckpointError,
    Checkpoints,
    ModulePart,
    verify_checkpoint,
)
from trainkit.checkpoints.manifest import _manifest_text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_flipped_bit_anywhere_is_detected(make, flip, tmp_path, data):
    folder = tmp_path / "flips"
    shutil.rmtree(folder, ignore_errors=True)
    path = make(folder)[1].save(1)
    assert verify_checkpoint(path).step == 1
    file = data.draw(st.sampled_from(sorted(path.iterdir())))
    flip(file, data.draw(st.integers(0, file.stat().st_size - 1)), data.draw(st.integers(0, 7)))
    with pytest.raises(CheckpointError, match=file.name):
        verify_checkpoint(path)


def test_every_byte_of_the_manifest_counts(make, flip, tmp_path):
    path = make(tmp_path)[1].save(1)
    manifest = path / "manifest.json"
    for position in range(manifest.stat().st_size):
        flip(manifest, position)
        with pytest.raises(CheckpointError, match=r"manifest.json"):
            verify_checkpoint(path)
        flip(manifest, position)
    verify_checkpoint(path)


def test_parts_may_not_overwrite_each_other(tmp_path):
    model = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"wanted part 'b' to write files of its own"):
        Checkpoints(tmp_path, {"a": ModulePart(model), "b": ModulePart(model)}).save(1)


def test_another_version_is_named(make, tmp_path):
    path = make(tmp_path)[1].save(1)
    files = json.loads((path / "manifest.json").read_text())["files"]
    (path / "manifest.json").write_text(_manifest_text(files, version=2))
    with pytest.raises(CheckpointError, match=r"wanted a checkpoint of version 1.*got version 2; load it with"):
        verify_checkpoint(path)
