"""Adapters on bases of whole numbers: what they learn, what they keep, and what cannot be merged."""

import copy

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from finetuning import Adapter, TuneSettings, judge, load_adapter, packed_loss, tune, with_adapter
from finetuning.adapted import product
from finetuning.commands.main import main
from finetuning.files.models import load_model
from finetuning.packing import collated
from finetuning.running import forgetting

quantization = pytest.importorskip("quantization", reason="needs the extra finetuning[quantization]")
pytestmark = pytest.mark.extras
SCHEMES = ["int8", "int4", "int8-weight-only", "bfloat16"]


@pytest.fixture(autouse=True)
def old_text(monkeypatch):
    monkeypatch.setattr(forgetting, "old_documents", lambda: ("The lazy dog is quick.", "A fox, of course."))


@pytest.fixture
def quantized(model, tokenizer, tmp_path):
    """A function that writes the model in a scheme."""

    def write(scheme):
        folder = tmp_path / scheme
        quantization.save(folder, quantization.quantize(copy.deepcopy(model), scheme), tokenizer)
        return folder

    return write


def in_float(model):
    """The same model with the float weights that its whole numbers stand for."""
    plain = copy.deepcopy(model)
    for name, layer in list(plain.named_modules()):
        if isinstance(layer, quantization.QuantizedLinear) and not isinstance(layer, quantization.QuantizedEmbedding):
            new = nn.Linear(layer.in_features, layer.out_features)
            new.weight, new.bias = nn.Parameter(layer.restored()), nn.Parameter(layer.bias)
            plain.set_submodule(name, new)
    return plain


@pytest.mark.parametrize("scheme", SCHEMES)
def test_gradients_are_those_of_the_weights_that_the_numbers_stand_for(quantized, tokenizer, scheme):
    model, _ = load_model(str(quantized(scheme)))
    layer = model.decoder.blocks[0].feed_forward.up
    x = torch.randn(7, 24, generator=torch.Generator().manual_seed(0)).requires_grad_()
    pull = torch.randn(7, 96, generator=torch.Generator().manual_seed(1))
    [got] = torch.autograd.grad((product(layer, x) * pull).sum(), x)
    torch.testing.assert_close(got, pull @ layer.restored(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(product(layer, x), layer(x.detach()), rtol=0, atol=0)


@pytest.mark.parametrize("scheme", ["int8-weight-only", "bfloat16"])
def test_an_adapter_learns_as_on_the_same_weights_in_float(quantized, tokenizer, scheme):
    """Where activations stay in float: the whole loss and each of its gradients, against plain torch."""
    base, _ = load_model(str(quantized(scheme)))
    adapter = Adapter(rank=2, alpha=4.0)
    pair = [
        with_adapter(model, adapter, generator=torch.Generator().manual_seed(3)) for model in (base, in_float(base))
    ]
    from finetuning import Template, encoded

    example = encoded(tokenizer, Template(), {"prompt": "the lazy dog", "completion": " is quick"})
    batch = collated([[example, example]])
    slopes, losses = [], []
    for model in pair:
        for layer in model.modules():
            if hasattr(layer, "up") and isinstance(layer.up, nn.Parameter):
                layer.up.data.normal_(generator=torch.Generator().manual_seed(4))
        total, _ = packed_loss(model, batch)
        losses.append(total.detach())
        slopes.append(torch.autograd.grad(total, [p for p in model.parameters() if p.requires_grad]))
    torch.testing.assert_close(*losses, rtol=1e-3, atol=1e-3)
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize("scheme", ["int8", "int4"])
def test_a_run_on_whole_numbers_learns_resumes_and_opens_again(quantized, data, tmp_path, capsys, scheme):
    folder = quantized(scheme)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    given = {"source": str(folder), "data": data, "rank": 4, "steps": 16, "learning_rate": 2e-2, "device": "cpu"}
    run = tune(TuneSettings(out=tmp_path / "whole", save_every=4, **given))
    at_first = run.validation.loss
    for _ in run:
        pass
    assert run.validation.loss < at_first - 0.5
    assert len(list(tune(TuneSettings(out=tmp_path / "r", save_every=4, **given), lambda: True))) == 1
    for _ in tune(TuneSettings(resume=tmp_path / "r", device="cpu")):
        pass
    adapters = [load_file(tmp_path / name / "adapter" / "adapter_model.safetensors") for name in ("whole", "r")]
    assert all(torch.equal(adapters[0][name], tensor) for name, tensor in adapters[1].items())
    assert all((folder / name).read_bytes() == content for name, content in before.items())
    again, _ = load_adapter(tmp_path / "r" / "adapter", load_model(str(folder))[0])
    assert judge(again, run.curriculum.judged).nats == judge(run.model, run.curriculum.judged).nats
    assert main(["merge", str(tmp_path / "r"), "--out", str(tmp_path / "m")]) == 2
    said = capsys.readouterr().err
    assert "wanted a base in float, got QuantizedLinear" in said
    assert "put the adapter on the model that was quantized, merge there, and quantize again" in said


def test_what_whole_numbers_cannot_is_refused(quantized, data, tmp_path):
    folder = quantized("int8")
    for change, message in (
        ({"method": "full"}, "--method: wanted lora or dora for a quantized model"),
        ({"method": "last:1"}, "--method: wanted lora or dora for a quantized model"),
        ({"targets": ("attention.qkv",)}, "--targets: wanted all four for a quantized model, got attention.qkv"),
    ):
        with pytest.raises(ValueError, match=message):
            tune(TuneSettings(source=str(folder), data=data, out=tmp_path / "r", device="cpu", **change))
