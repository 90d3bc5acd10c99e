"""The whole road, once: `train` makes a folder, `transformers` opens it and says the same, id by id."""

import pydoc_data.topics
from pathlib import Path

import pytest
import torch
import transformers

import decoding
import gpt2


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("trained")
    text = place / "topics.txt"
    text.write_text("\n".join(pydoc_data.topics.topics.values())[:200_000], encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENSORS_TO_GPT2_CACHE", str(place / "cache"))
        run = gpt2.run(gpt2.TrainSettings(text=str(text), out=place / "run", recipe="tiny", steps=150))
        losses = [step.loss for step in run]
    assert losses[-1] < losses[0] - 1.5
    return run.folder / "model"


@pytest.fixture(scope="module")
def theirs(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return transformers.AutoModelForCausalLM.from_pretrained(folder).eval(), tokenizer


def test_ids_and_logits_are_the_same(folder, theirs):
    model, tokenizer = gpt2.load(folder)
    their_model, their_tokenizer = theirs
    text = "The class statement: 漢字 🙂 def f(x):\n"
    ids = tokenizer.encode(text)
    assert ids == their_tokenizer(text)["input_ids"]
    tokens = torch.tensor([ids[: model.n_ctx]])
    with torch.inference_mode():
        torch.testing.assert_close(model(tokens), their_model(tokens).logits, atol=1e-5, rtol=0)


@pytest.mark.parametrize("prompts", [["The "], ["The class", "import ", "A list of names and values"]])
def test_greedy_ids_are_the_same(folder, theirs, prompts):
    """As many as the context holds; each prompt alone in transformers, all in one ragged batch here."""
    model, tokenizer = gpt2.load(folder)
    settings = decoding.GenerationSettings(max_new_tokens=50, temperature=0)
    ours = decoding.generate(model, tokenizer, prompts, settings)
    for prompt, result in zip(prompts, ours, strict=True):
        ids = torch.tensor([tokenizer.encode(prompt)])
        room = min(50, model.n_ctx - ids.shape[1])
        with torch.inference_mode():
            reply = theirs[0].generate(ids, do_sample=False, max_new_tokens=room, attention_mask=torch.ones_like(ids))
        assert list(result.ids) == reply[0, ids.shape[1] :].tolist()
        assert len(result.ids) == room or result.finish_reason == "end_of_text"


def test_fifty_greedy_ids_of_a_longer_context(tmp_path):
    config = gpt2.GPT2Config(n_vocab=300, n_ctx=64, n_embd=32, n_head=4, n_layer=2)
    model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(5)  # far from uniform: no two logits are close
    gpt2.save(tmp_path, model, gpt2.Tokenizer.train(["the cat and the hat " * 20], 280))
    their_model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    prompt = torch.tensor([[5, 17, 200, 31]])
    settings = decoding.GenerationSettings(max_new_tokens=50, temperature=0)
    with torch.inference_mode():
        reply = their_model.generate(
            prompt, do_sample=False, max_new_tokens=50, eos_token_id=None, attention_mask=torch.ones_like(prompt)
        )
    assert list(decoding.generate_ids(model, prompt.tolist(), settings)[0].ids) == reply[0, 4:].tolist()
