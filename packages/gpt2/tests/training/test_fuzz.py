"""Whatever settings of a run are given and whatever its files hold: it trains, or says what is wrong, and no checkpoint
is lost."""

import json
import shutil
from dataclasses import fields
from itertools import islice

import pytest
from hypothesis import strategies as st

import gpt2
from gpt2 import TrainSettings

SHORT = {"recipe": "tiny", "steps": 1, "batch_size": 2, "device": "cpu"}
LONG = {"steps", "processes", "n_layer"}  # a large number is no mistake in these, only long


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_text("the cat and the hat and the bat. " * 2000)
    return str(path)


@pytest.fixture
def stopped(text, tmp_path):
    """A run that stopped after the first of two steps, with a checkpoint."""
    settings = TrainSettings(text=text, out=tmp_path / "run", **{**SHORT, "steps": 2}, save_every=1)
    for _ in gpt2.run(settings, should_stop=lambda: True):
        pass
    return tmp_path / "run"


def test_any_settings_train_or_say_what_is_wrong(fuzz, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sizes = st.sampled_from([0, 1, 2, 3, -1, 10**6, 2**31, 2**63, 10**400, 1e300, 0.5, 1e-300, float("nan"), -1e300])
    small = st.integers(0, 3) | st.sampled_from([-1, 0.5, "1", None, float("nan"), float("inf"), [], True])
    names = [field.name for field in fields(TrainSettings)]
    given = st.lists(
        st.sampled_from(names).flatmap(
            lambda name: st.tuples(st.just(name), small if name in LONG else sizes | fuzz.wild())
        ),
        max_size=3,
    )

    def claim(changes):
        run = None
        with fuzz.answer():
            run = gpt2.run(TrainSettings(**{"text": text, **SHORT, **dict(changes)}))
        if run is not None:
            with fuzz.answer():
                for _ in islice(run, 2):
                    pass

    fuzz(claim, 30, shrink=False, changes=given)


@pytest.mark.parametrize("name", ["run.json", "metrics.jsonl", "checkpoints/latest", "checkpoints/step-000001"])
def test_any_file_of_a_run_resumes_or_is_refused_and_nothing_is_lost(fuzz, stopped, tmp_path, name):
    kept = shutil.copytree(stopped, tmp_path / "kept")
    files = [kept / name] if (kept / name).is_file() else sorted(path for path in (kept / name).iterdir())
    wholes = {str(path.relative_to(kept)): path.read_bytes() for path in files}

    def claim(file, content):
        shutil.rmtree(stopped)
        shutil.copytree(kept, stopped)
        (stopped / file).write_bytes(content)
        with fuzz.answer():
            numbers = [step.number for step in gpt2.run(TrainSettings(resume=stopped))]
            assert numbers == [2]
            return
        before = {path.name for path in (kept / "checkpoints").iterdir()}
        assert before <= {path.name for path in (stopped / "checkpoints").iterdir()}

    for file, whole in wholes.items():
        times = max(2, 12 // len(wholes))
        fuzz(claim, times, shrink=False, file=st.just(file), content=fuzz.spoiled(whole))
        if file.endswith(".json"):
            fuzz(claim, times, shrink=False, file=st.just(file), content=fuzz.changed(json.loads(whole)))
