"""Other tools' own converters take our folder as it is, and say the same as we do."""

import pytest
import torch

import gpt2

ctranslate2 = pytest.importorskip("ctranslate2", reason="needs ctranslate2")


def test_ctranslate2_converts_the_folder_and_writes_the_same_greedy_ids(tmp_path):
    from ctranslate2.converters import TransformersConverter

    tokenizer = gpt2.Tokenizer.train(["the cat and the hat and the bat " * 20], 270)
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=64, n_embd=32, n_head=4, n_layer=2)
    model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(5)  # far from uniform: no two logits are close
    gpt2.save(tmp_path / "ours", model, tokenizer)
    TransformersConverter(str(tmp_path / "ours")).convert(str(tmp_path / "theirs"))
    theirs = ctranslate2.Generator(str(tmp_path / "theirs"), device="cpu", compute_type="float32")
    for prompt in ([5, 17, 200, 31], [97], [1, 2, 3]):
        names = [gpt2.tokenizer.files.spell(tokenizer.decode_bytes([i])) for i in prompt]
        result = theirs.generate_batch(
            [names], max_length=40, sampling_topk=1, include_prompt_in_result=False, end_token=[]
        )[0]
        ids = list(prompt)
        with torch.inference_mode():
            for _ in range(40):
                ids.append(int(model(torch.tensor([ids]), last_only=True).argmax()))
        got = list(result.sequences_ids[0])
        assert len(got) == 40
        assert got == ids[len(prompt) :]
