"""Claims about metrics.jsonl and TensorBoard."""

import math

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.summary.writer import event_file_writer

from trainkit import MetricsLog, log


@pytest.fixture(autouse=True)
def files_in_order(monkeypatch):
    """TensorBoard reads files by name; of those made within a second, the 10th would come before the 9th."""
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(0))


def test_logged_steps_arrive_in_both_places(make_steps, lines, points, tmp_path):
    with MetricsLog(tmp_path) as metrics:
        assert len(list(log(make_steps(0, 20), metrics, every=5))) == 20
        metrics.write(20, validation_loss=0.25, bits_per_byte=None)
    steps = lines(tmp_path)
    assert [line["step"] for line in steps] == [5, 10, 15, 20, 20]
    assert steps[0].keys() == {"step", "seconds", "loss", "learning_rate", "gradient_norm", "tokens_per_second"}
    assert steps[0]["tokens_per_second"] == pytest.approx(128)
    assert steps[-1].keys() == {"step", "seconds", "validation_loss"}
    assert points(tmp_path, "loss") == [(n, pytest.approx(1 / n)) for n in (5, 10, 15, 20)]


def test_the_speed_is_named_after_what_is_counted(make_steps, lines, tmp_path):
    with MetricsLog(tmp_path) as metrics:
        list(log(make_steps(0, 5), metrics, every=5, unit="images"))
    assert lines(tmp_path)[0]["images_per_second"] == pytest.approx(128)
    assert "tokens_per_second" not in lines(tmp_path)[0]


def test_the_graph_is_written_once_and_leaves_the_model_alone(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Dropout(0.5))
    model[2].eval()
    before, state = {name: t.clone() for name, t in model.state_dict().items()}, torch.get_rng_state()
    for start in (0, 1):
        with MetricsLog(tmp_path, start=start) as metrics:
            metrics.graph(model, torch.rand(4, 2, generator=torch.Generator().manual_seed(0)))
    records = [r for file in tmp_path.glob("events*") for r in LegacyEventFileLoader(str(file)).Load()]
    graphs = [GraphDef.FromString(record.graph_def) for record in records if record.graph_def]
    assert len(graphs) == 1
    assert any("Linear" in node.name for node in graphs[0].node)
    assert [module.training for module in model] == [True, True, False]
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_model_without_a_graph_is_a_warning(tmp_path, caplog, capsys):
    class Moody(torch.nn.Module):
        def forward(self, numbers):
            raise RuntimeError("not today")

    with MetricsLog(tmp_path) as metrics:
        metrics.graph(Moody(), torch.rand(1))
    assert "no graph of Moody, which torch cannot trace: not today" in caplog.text
    assert capsys.readouterr().out == ""


def test_images_histograms_texts_and_settings_reach_tensorboard_once(tmp_path):
    model = torch.nn.Linear(2, 2)
    for start in (0, 1):
        with MetricsLog(tmp_path, start=start) as metrics:
            metrics.hyper_parameters({"learning_rate": 0.1, "optimizer": "muon"})
            for step in (start + 1, start + 2):
                metrics.histograms(step, model.named_parameters())
                metrics.image(step, "digit", torch.rand(1, 4, 4))
                metrics.text(step, "sample", "# two\nlines")
    events = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0, "histograms": 0, "images": 0}).Reload()
    assert [event.step for event in events.Histograms("weight")] == [1, 2, 3]
    assert [event.step for event in events.Images("digit")] == [1, 2, 3]
    texts = events.Tensors("sample/text_summary")
    assert [event.step for event in texts] == [1, 2, 3]
    assert texts[0].tensor_proto.string_val[0].decode() == "    # two\n    lines"
    assert len([name for name in events.PluginTagToContent("hparams") if name == "_hparams_/session_start_info"]) == 1


def test_what_json_cannot_hold_becomes_null(lines, tmp_path):
    with MetricsLog(tmp_path) as metrics:
        metrics.write(1, loss=math.nan, validation_loss=math.inf)
    assert lines(tmp_path)[0]["loss"] is None
    assert lines(tmp_path)[0]["validation_loss"] is None


def test_lines_are_there_before_the_log_is_closed(lines, tmp_path):
    metrics = MetricsLog(tmp_path)
    metrics.write(1, loss=1.0)
    assert lines(tmp_path)[0]["step"] == 1
    metrics.close()
