"""From conversations to a chat: what `finetuning tune` and `merge` wrote is served, and answers as it was taught."""

import json
from functools import partial

import openai
import pytest
import torch

import gpt2
from serving import Engine
from serving.engine.adapters import load_adapted
from serving.engine.loading import load

finetuning = pytest.importorskip("finetuning", reason="needs the extra `finetuning`")
from finetuning.commands.main import main  # noqa: E402

pytestmark = pytest.mark.extras
ANSWERS = {"hi": "yes", "bye": "no"}


def test_a_model_that_was_tuned_on_conversations_chats_merged_and_as_an_adapter(tmp_path, monkeypatch, serve, capsys):
    monkeypatch.chdir(tmp_path)
    texts = [f"User: {said}\nAssistant: {answer}" for said, answer in ANSWERS.items()]
    tokenizer = gpt2.Tokenizer.train(texts * 9, 270)
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=64, n_embd=32, n_head=2, n_layer=1)
    draws = torch.Generator().manual_seed(0)
    model = gpt2.GPT2(config, generator=draws).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # loud enough for an adapter to get hold of it
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=draws))
    gpt2.save("base", model, tokenizer)
    records = [
        {"messages": [{"role": "user", "content": said}, {"role": "assistant", "content": answer}]}
        for said, answer in ANSWERS.items()
    ]
    (tmp_path / "chats.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    tune = ["tune", "base", "--data", "chats.jsonl", "--held-out", "chats.jsonl", "--out", "tuned", "--device", "cpu"]
    assert main([*tune, "--steps", "40", "--rank", "16", "--learning-rate", "0.01"]) == 0
    assert main(["merge", "tuned", "--out", "merged"]) == 0
    capsys.readouterr()

    base = load("base", "base", rows=2)
    adapter = partial(load_adapted, "adapter", "tuned", lambda: base)
    engine = Engine([partial(load, "merged", "merged", rows=2), lambda: base, adapter])
    engine.wait_until_ready(60)
    with serve(engine) as (url, _), openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        assert [model.parent for model in client.models.list()] == [None, None, "base"]
        for said, answer in ANSWERS.items():
            asked = {"messages": [{"role": "user", "content": said}], "temperature": 0, "max_tokens": 12}
            for name in ("merged", "adapter"):
                choice = client.chat.completions.create(model=name, **asked).choices[0]
                assert choice.message.content.strip() == answer
                assert choice.finish_reason == "stop"
        with pytest.raises(openai.NotFoundError, match="wanted a model with a chat template"):
            client.chat.completions.create(model="base", **asked)
