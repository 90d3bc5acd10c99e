"""What the last bits depend on stands in run.json; a run that resumes otherwise says so, or is refused."""

import json
import logging
import platform

import pytest
import torch

import gpt2
from gpt2 import TrainSettings
from gpt2.training.record import read_record


@pytest.fixture(scope="module")
def stopped(text_file, tmp_path_factory):
    """A run of one thread that ended after the first of its steps."""
    out = tmp_path_factory.mktemp("stopped") / "run"
    settings = TrainSettings(text=str(text_file), out=out, recipe="tiny", steps=3, batch_size=4, device="cpu")
    list(gpt2.run(settings, lambda: True))
    return out


@pytest.fixture
def two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.fixture
def recorded(stopped):
    """A function that changes what run.json says of the bits, until the test ends."""
    path = stopped / "run.json"
    whole = path.read_text()

    def change(**facts):
        content = json.loads(whole)
        content["bits"] = content["bits"] | facts if facts else None
        if not facts:  # as versions before this one wrote it
            del content["bits"]
        path.write_text(json.dumps(content))

    yield change
    path.write_text(whole)


def resumed(folder, caplog, **wishes) -> list[str]:
    """The warnings of a resume."""
    with caplog.at_level(logging.WARNING, "gpt2"):
        run = gpt2.run(TrainSettings(resume=folder, device="cpu", **wishes))
    assert run.start == 1
    run._held.release()
    return [record.getMessage() for record in caplog.records]


def test_a_run_writes_down_what_its_bits_depend_on(stopped):
    facts = json.loads((stopped / "run.json").read_text())["bits"]
    assert facts["threads"] == 1
    assert (facts["processes"], facts["micro_batch_size"], facts["device"]) == (1, 4, "cpu")
    assert (facts["torch"], facts["python"]) == (torch.__version__, platform.python_version())
    assert facts["precision"] == "float32"
    assert facts["processor"]
    assert facts["instructions"].split()[0] == torch.backends.cpu.get_cpu_capability()
    assert read_record(stopped).bits == facts


def test_the_same_conditions_resume_without_a_word_and_pass_same_bits(stopped, caplog):
    assert resumed(stopped, caplog, same_bits=True) == []


def test_other_threads_are_warned_of_with_the_way_back(stopped, recorded, caplog, two_threads):
    recorded(threads=1)
    [warning] = resumed(stopped, caplog)
    assert warning.startswith("wanted threads 1, as when the run in ")
    assert "got threads 2: the weights may differ in their last bits; set OMP_NUM_THREADS=1 for" in warning
    assert "\n" not in warning


@pytest.mark.parametrize("name", ["processor", "instructions", "torch", "python", "gpu"])
def test_another_machine_or_version_is_warned_of_by_name(stopped, recorded, caplog, name):
    recorded(**{name: "another"})
    [warning] = resumed(stopped, caplog)
    assert f"wanted {name} another, as when" in warning
    assert f"got {name} " in warning
    assert "resume with the machine and the versions that began it" in warning


def test_several_differences_are_one_line(stopped, recorded, caplog):
    recorded(threads=7, torch="1.0")
    [warning] = resumed(stopped, caplog, micro_batch_size=2)
    assert "wanted threads 7, micro_batch_size 4, torch 1.0, as when" in warning
    assert f"got threads 1, micro_batch_size 2, torch {torch.__version__}:" in warning
    assert "set OMP_NUM_THREADS=7, give --micro-batch-size 4, resume with the machine" in warning


def test_same_bits_refuses_other_conditions(stopped, command, two_threads):
    code, _, errors = command("train", "--resume", stopped, "--device", "cpu", "--same-bits")
    assert code == 2
    assert "--same-bits: wanted threads 1, as when" in errors
    assert "set OMP_NUM_THREADS=1, or leave --same-bits out" in errors
    assert not (stopped / "model").exists()
    assert not (stopped / ".lock").exists()


def test_a_resume_under_other_conditions_is_remembered(stopped, recorded, caplog, two_threads):
    """Its weights are no longer those of an unbroken run, whatever the conditions of the next resume are."""
    recorded(threads=1)
    resumed(stopped, caplog)
    assert read_record(stopped).other_bits == {"threads": 2}
    assert read_record(stopped).bits["threads"] == 1
    torch.set_num_threads(1)
    caplog.clear()
    assert resumed(stopped, caplog) == []
    why = "every start was like its first, got one that went on with threads 2 meanwhile; leave --same-bits out"
    with pytest.raises(ValueError, match=f"^--same-bits: wanted a run whose {why}, or begin it anew$"):
        gpt2.run(TrainSettings(resume=stopped, device="cpu", same_bits=True))


def test_a_run_of_an_earlier_version_resumes_without_a_word_but_promises_nothing(stopped, recorded, caplog):
    recorded()
    assert resumed(stopped, caplog) == []
    with pytest.raises(ValueError, match=r"--same-bits: wanted a run\.json that says on what its bits depend"):
        gpt2.run(TrainSettings(resume=stopped, same_bits=True))


def test_a_new_run_has_no_bits_to_be_the_same_as():
    with pytest.raises(ValueError, match="--same-bits: wanted --resume RUN beside it"):
        gpt2.run(TrainSettings(same_bits=True))
