"""How exactly a run multiplies: chosen where it begins, written down, and the same when it goes on."""

import json

import pytest
import torch
from safetensors.torch import load_file

from finetuning import ClassifySettings, PreferSettings, ReinforceSettings, TuneSettings, classify, prefer, tune
from finetuning.commands.telling import model_line
from finetuning.running import forgetting, starting
from gpt2.machine import precision

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def old_text(monkeypatch):
    monkeypatch.setattr(forgetting, "old_documents", lambda: ("The lazy dog is quick.", "A fox, of course."))


@pytest.fixture
def with_units(monkeypatch):
    """As if there were 16-bit units, and the small model were wide enough for them."""
    monkeypatch.setattr(precision, "has_16_bit_units", lambda: True)
    monkeypatch.setattr(starting, "WIDE", 24)


COMMON = {"steps": 4, "batch_size": 4, "save_every": 2, "evaluate_every": 4, "device": "cpu"}
COMMANDS = {"tune": (tune, TuneSettings, "data"), "classify": (classify, ClassifySettings, "labeled")}
COMMANDS |= {"prefer": (prefer, PreferSettings, "pairs")}


@pytest.fixture(params=COMMANDS)
def begun(request, folder, tmp_path):
    """Prepares a run of a command in a folder of that name."""
    command, kind, data = COMMANDS[request.param]
    found = request.getfixturevalue(data)

    def begin(name, should_stop=None, **changes):
        given = COMMON | {"source": str(folder), "data": found, "out": tmp_path / name}
        return command(kind(**(changes if "resume" in changes else given | changes)), should_stop)

    return begin


def test_16_bit_products_are_taken_where_they_save_time(model, monkeypatch):
    for units, wide, expected in ((True, 24, "bfloat16"), (True, 25, "float32"), (False, 24, "float32")):
        monkeypatch.setattr(precision, "has_16_bit_units", lambda units=units: units)
        monkeypatch.setattr(starting, "WIDE", wide)
        assert starting.chosen_precision("auto", model, CPU) == expected
        for named in ("float32", "medium", "bfloat16"):
            assert starting.chosen_precision(named, model, CPU) == named
    assert {kind().precision for _, kind, _ in COMMANDS.values()} == {"auto"}
    assert ReinforceSettings().precision == "float32"


def test_a_run_keeps_the_precision_that_it_chose(begun, tmp_path, with_units, monkeypatch):
    for _ in begun("whole"):
        pass
    assert json.loads((tmp_path / "whole" / "run.json").read_text("utf-8"))["settings"]["precision"] == "bfloat16"
    seen = []
    for step in begun("stopped", lambda: len(seen) + 1 >= 3):
        seen.append(step.number)
    monkeypatch.setattr(precision, "has_16_bit_units", lambda: False)  # another machine
    for _ in begun("", resume=tmp_path / "stopped", device="cpu"):
        pass
    whole, again = (load_file(tmp_path / name / "adapter/adapter_model.safetensors") for name in ("whole", "stopped"))
    assert whole.keys() == again.keys()
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_steps_round_and_evaluations_do_not(begun):
    """Both precisions begin with one and the same held-out loss; the first steps differ by no more than rounding."""
    short, exact = begun("short", precision="bfloat16"), begun("exact", precision="float32")
    assert short.validation == exact.validation
    first, other = next(iter(short)), next(iter(exact))
    assert first.loss != other.loss
    assert first.loss == pytest.approx(other.loss, rel=0.02)
    assert model_line(short).split() == f"{model_line(exact)}, precision bfloat16".split()
    for run in (short, exact):
        assert {parameter.dtype for parameter in run.model.parameters()} == {torch.float32}
        assert {state["exp_avg"].dtype for state in run.optimizer.state.values()} == {torch.float32}


def test_preferences_begin_at_ln_2_whatever_the_precision(folder, pairs, tmp_path):
    """The reference's numbers are float32; rounding in the steps moves the margin of a new adapter by little."""
    given = COMMON | {"source": str(folder), "data": pairs, "out": tmp_path / "r", "precision": "bfloat16"}
    assert next(iter(prefer(PreferSettings(**given)))).loss == pytest.approx(0.6931, abs=2e-3)
