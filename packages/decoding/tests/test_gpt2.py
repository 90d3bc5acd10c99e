"""GPT-2 itself: it keeps the contract, and transformers' generate continues a saved one with the same ids."""

import pytest
import torch

import gpt2
from decoding import GenerationSettings, generate, generate_ids, stream
from decoding.contract import check as contract


@pytest.fixture(scope="module")
def trained():
    """A GPT-2 with larger random weights than at the start of training, so that greedy text moves."""
    tokenizer = gpt2.Tokenizer.train(["the cat sat on the mat, über 世界 🙂"] * 3, 280)
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=96, n_embd=32, n_head=4, n_layer=2)
    model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(1)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(12 if parameter.ndim > 1 else 1)
    return model, tokenizer


def test_gpt2_keeps_the_contract(trained):
    assert contract.check(trained[0]) is None


def test_greedy_ids_of_a_saved_gpt2_equal_those_of_transformers(trained, tmp_path):
    from transformers import GPT2LMHeadModel

    model, tokenizer = trained
    gpt2.save(tmp_path, model, tokenizer)
    theirs = GPT2LMHeadModel.from_pretrained(tmp_path).eval()
    prompts = [tokenizer.encode(text) for text in ("the", "on the mat, 世", "🙂 sat", "über the cat on the cat")]
    rows = generate_ids(model, prompts, GenerationSettings(max_new_tokens=50, temperature=0))
    assert len(set(rows[0].ids)) > 5, "the model stands still, the test would show nothing"
    for prompt, row in zip(prompts, rows, strict=True):
        tokens = torch.tensor([prompt])
        expected = theirs.generate(
            tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=50, do_sample=False, eos_token_id=None,
            pad_token_id=0,
        )  # fmt: skip
        assert row.ids == tuple(expected[0, len(prompt) :].tolist())


@pytest.mark.parametrize("seed", range(8))
def test_streamed_text_of_gpt2_equals_generated_text(trained, seed):
    settings = GenerationSettings(max_new_tokens=60, temperature=3.0, seed=seed)
    assert "".join(stream(*trained, "the cat", settings)) == generate(*trained, ["the cat"], settings)[0].text
