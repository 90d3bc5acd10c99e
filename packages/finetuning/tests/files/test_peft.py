"""Adapter folders: peft opens ours, we open peft's, and nothing else is taken for one."""

import itertools
import json
import shutil

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from finetuning import Adapter, adapter_state, load_adapter, merged, save_adapter, with_adapter

peft = pytest.importorskip("peft")
from transformers import AutoModelForCausalLM  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # peft asks transformers

ALL = ("attention.qkv", "attention.out", "feed_forward.up", "feed_forward.down")
TOKENS = torch.arange(40).reshape(2, 20) * 7 % 300


def theirs(folder):
    return AutoModelForCausalLM.from_pretrained(folder).eval()


@pytest.mark.parametrize(("method", "root"), list(itertools.product(("lora", "dora"), (False, True))))
@pytest.mark.parametrize("targets", [ALL, ("attention.out",), ("attention.qkv", "feed_forward.down")])
def test_peft_opens_ours(model, folder, tmp_path, shaken, method, root, targets):
    adapter = Adapter(rank=3, alpha=5.0, method=method, root=root, targets=targets, dropout=0.1)
    ours = shaken(with_adapter(model, adapter)).eval()
    save_adapter(tmp_path / "a", ours, adapter, base=str(folder))
    opened = peft.PeftModel.from_pretrained(theirs(folder), tmp_path / "a").eval()
    with torch.no_grad():
        torch.testing.assert_close(ours(TOKENS), opened(TOKENS).logits, rtol=1e-5, atol=1e-5)
        whole = opened.merge_and_unload()(TOKENS).logits
        torch.testing.assert_close(merged(ours)(TOKENS), whole, rtol=1e-5, atol=2e-5)
    again, read = load_adapter(tmp_path / "a", model)
    assert read == adapter
    assert torch.equal(again(TOKENS), ours(TOKENS))


@pytest.mark.parametrize(
    ("modules", "meant"),
    [
        (None, ("attention.qkv",)),
        (["c_proj"], ("attention.out", "feed_forward.down")),
        (["c_attn", "mlp.c_proj"], ("attention.qkv", "feed_forward.down")),
        (r".*\.attn\.c_.*", ("attention.qkv", "attention.out")),
        ("all-linear", ALL),
    ],
)
@pytest.mark.parametrize("dora", [False, True])
def test_we_open_pefts(model, folder, tmp_path, modules, meant, dora):
    given = {"fan_in_fan_out": True, "use_dora": dora, "use_rslora": dora, "task_type": "CAUSAL_LM"}
    config = peft.LoraConfig(r=3, lora_alpha=5, target_modules=modules, **given)
    model_of_theirs = peft.get_peft_model(theirs(folder), config).eval()
    numbers = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in model_of_theirs.named_parameters():
            if "lora_" in name:
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=numbers))
    model_of_theirs.save_pretrained(tmp_path / "a")
    ours, adapter = load_adapter(tmp_path / "a", model)
    assert adapter == Adapter(3, 5.0, meant, "dora" if dora else "lora", dora)
    with torch.no_grad():
        torch.testing.assert_close(ours(TOKENS), model_of_theirs(TOKENS).logits, rtol=1e-5, atol=1e-5)


@pytest.fixture
def saved(model, tmp_path, shaken):
    adapter = Adapter(rank=2, targets=("attention.qkv",))
    save_adapter(tmp_path / "a", shaken(with_adapter(model, adapter)), adapter)
    return tmp_path / "a"


def test_an_adapter_knows_its_base_by_content(model, saved):
    with safe_open(saved / "adapter_model.safetensors", "pt") as file:
        assert len(file.metadata()["base_sha256"]) == 64
    with torch.no_grad():
        model.decoder.blocks[1].feed_forward.down.bias[3] += 1e-6
    with pytest.raises(ValueError, match=r"wanted the base that this adapter was trained on \(SHA-256"):
        load_adapter(saved, model)


CHANGES = [
    ({"peft_type": "LOHA"}, "peft_type: wanted LORA, got 'LOHA'"),
    ({"bias": "all"}, "bias: wanted an adapter without, got 'all'"),
    ({"modules_to_save": ["lm_head"]}, "modules_to_save: wanted an adapter without"),
    ({"rank_pattern": {"c_attn": 4}}, "rank_pattern: wanted an adapter without"),
    ({"layers_to_transform": [0]}, "layers_to_transform: wanted an adapter without"),
    ({"use_bdlora": {"nblocks": 2}}, "use_bdlora: wanted an adapter without"),
    ({"task_type": "SEQ_CLS"}, "task_type: wanted CAUSAL_LM, got 'SEQ_CLS'; label texts with `finetuning label`"),
    ({"task_type": "TOKEN_CLS"}, "task_type: wanted CAUSAL_LM, got 'TOKEN_CLS'; open it with peft"),
    ({"r": 2.5}, "r: wanted a whole number, got 2.5"),
    ({"r": "2"}, "r: wanted a whole number, got '2'"),
    ({"r": 0}, "rank: wanted 1 or more"),
    ({"r": 3}, "that differ: .* has shape"),
    ({"lora_alpha": float("nan")}, "lora_alpha: wanted a number, got nan"),
    ({"target_modules": ["wte"]}, "target_modules: wanted linear layers"),
    ({"target_modules": [1]}, "target_modules: wanted a list of names"),
    ({"target_modules": "c_(attn"}, "target_modules: wanted names or a regular expression"),
    ({"target_modules": ["c_attn", "c_fc"]}, "missing base_model.model.transformer.h.0.mlp.c_fc"),
    ({"use_dora": True}, "missing .*lora_magnitude_vector"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES, ids=str)
def test_options_that_compute_something_else_are_refused(model, saved, change, message):
    path = saved / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    with pytest.raises(ValueError, match=message):
        load_adapter(saved, model)


def test_tensors_must_be_those_of_the_adapter(model, saved):
    path = saved / "adapter_model.safetensors"
    tensors = load_file(path)
    name = next(iter(tensors))
    for changed, message in (
        ({key: value for key, value in tensors.items() if key != name}, f"missing {name}"),
        (tensors | {"base_model.model.lm_head.weight": torch.zeros(2)}, "unexpected base_model.model.lm_head.weight"),
    ):
        save_file(changed, path)
        with pytest.raises(ValueError, match=message):
            load_adapter(saved, model)


def test_folders_that_are_no_adapter_are_refused(model, saved, tmp_path):
    with pytest.raises(ValueError, match="no such folder"):
        load_adapter(tmp_path / "none", model)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="a folder without it"):
        load_adapter(tmp_path / "empty", model)
    shutil.copytree(saved, tmp_path / "torn")
    (tmp_path / "torn" / "adapter_model.safetensors").write_bytes(b"\0" * 7)
    with pytest.raises(ValueError, match="wanted a safetensors file"):
        load_adapter(tmp_path / "torn", model)
    (tmp_path / "torn" / "adapter_model.safetensors").rename(tmp_path / "torn" / "adapter_model.bin")
    with pytest.raises(ValueError, match="may run code"):
        load_adapter(tmp_path / "torn", model)


def test_what_is_described_must_be_what_is_saved(model, tmp_path):
    adapted = with_adapter(model, Adapter(rank=2, targets=("attention.qkv",)))
    with pytest.raises(ValueError, match="wanted one with the adapter that is described"):
        save_adapter(tmp_path / "a", adapted, Adapter(rank=2))
    assert not (tmp_path / "a" / "adapter_model.safetensors").exists()
    assert len(adapter_state(adapted)) == 4
