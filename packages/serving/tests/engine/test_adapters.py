"""An adapter beside its base: what peft computes with the same folder, and no tensor twice that it leaves alone."""

from contextlib import nullcontext
from functools import partial

import pytest
import torch

import gpt2
from serving import Engine
from serving.engine.loading import load

peft = pytest.importorskip("peft", reason="compares with peft, which is not installed")
finetuning = pytest.importorskip("finetuning", reason="needs the extra `finetuning`")
from transformers import AutoModelForCausalLM  # noqa: E402

from serving.engine.adapters import load_adapted  # noqa: E402

pytestmark = [
    pytest.mark.extras,
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning"),  # peft asks transformers
]


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    place = tmp_path_factory.mktemp("models") / "tiny"
    gpt2.save(place, model, gpt2.Tokenizer({bytes([byte]): byte for byte in range(256)}))
    return place


@pytest.fixture(scope="module")
def theirs(folder, tmp_path_factory):
    """A model of peft's with an adapter on two of its layers' matrices, and the folder that peft wrote."""
    config = peft.LoraConfig(
        r=3, lora_alpha=6, target_modules=["c_attn"], fan_in_fan_out=True, task_type="CAUSAL_LM", use_dora=True
    )
    model = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(folder).eval(), config).eval()
    numbers = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=numbers))
    place = tmp_path_factory.mktemp("adapters") / "a"
    model.save_pretrained(place)
    return model, place


@pytest.fixture(scope="module")
def base(folder):
    found = load("tiny", str(folder), rows=2)
    return lambda: found


def test_base_and_adapter_answer_side_by_side_and_the_adapter_is_pefts(base, theirs, ask):
    opened, place = theirs
    engine = Engine([base, partial(load_adapted, "tuned", place, base)])
    engine.wait_until_ready(60)
    told = {"settings": {"max_new_tokens": 9, "temperature": 0, "log_probabilities": 0, "stop_at_end_of_text": False}}
    prompt = "a fox"
    ids = list(prompt.encode())
    clients = {name: ask(engine, prompt, model=name, **told) for name in ("tiny", "tuned")}
    assert all(client.ended.wait(60) for client in clients.values())
    engine.stop()
    for name, client in clients.items():
        with torch.no_grad(), opened.disable_adapter() if name == "tiny" else nullcontext():
            wanted = opened.generate(
                input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), max_new_tokens=9,
                do_sample=False, eos_token_id=None, pad_token_id=0,
            )[0, len(ids) :]  # fmt: skip
            logits = opened(torch.tensor([ids + wanted.tolist()])).logits[0, len(ids) - 1 : -1]
        assert client.ids() == wanted.tolist()
        values = [value for piece in client.pieces() for value in piece.log_probabilities]
        own = logits.log_softmax(-1).gather(1, wanted[:, None])[:, 0]
        torch.testing.assert_close(torch.tensor(values), own, atol=1e-4, rtol=1e-4)
    assert clients["tiny"].ids() != clients["tuned"].ids()


def test_only_adapted_matrices_are_copied_and_clients_see_whose_adapter_it_is(base, theirs):
    tuned, own = load_adapted("tuned", theirs[1], base), base()
    before = dict(own.model.named_parameters())
    copied = [name for name, one in tuned.model.named_parameters() if one.data_ptr() != before[name].data_ptr()]
    assert copied == [f"decoder.blocks.{number}.attention.qkv.weight" for number in range(2)]
    assert tuned.packed is own.packed
    assert tuned.tokenizer is own.tokenizer
    assert (tuned.served.parent, own.served.parent) == ("tiny", None)
    assert tuned.served.system_fingerprint != own.served.system_fingerprint
    assert tuned.served.exact == own.served.exact
    assert tuned.batch.max_rows == 2


def test_a_runs_adapter_and_its_chat_template_are_found(base, model, tmp_path):
    adapter = finetuning.Adapter(rank=2)
    finetuning.save_adapter(tmp_path / "run" / "adapter", finetuning.with_adapter(model, adapter), adapter)
    (tmp_path / "run" / "run.json").write_text("{}")
    assert load_adapted("a", tmp_path / "run", base).served.chat_template is None
    (tmp_path / "run" / "adapter" / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    assert load_adapted("a", tmp_path / "run", base).served.chat_template == "{{ messages }}"


def test_what_is_no_adapter_of_this_base_is_refused(base, folder, model, tmp_path):
    other = gpt2.GPT2(model.config)
    adapter = finetuning.Adapter(rank=2)
    finetuning.save_adapter(tmp_path / "a", finetuning.with_adapter(other, adapter), adapter)
    with pytest.raises(ValueError, match=r"--adapter x: .*wanted the base that this adapter was trained on"):
        load_adapted("x", tmp_path / "a", base)
    with pytest.raises(ValueError, match=r"--adapter x: .*wanted an adapter's configuration, got no such folder"):
        load_adapted("x", tmp_path / "none", base)
    half = load("half", str(folder), rows=1, precision="bfloat16")
    with pytest.raises(ValueError, match="--adapter x: wanted a base in float32, got half in bfloat16"):
        load_adapted("x", tmp_path / "a", lambda: half)
