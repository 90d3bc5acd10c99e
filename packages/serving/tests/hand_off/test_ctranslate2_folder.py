"""CTranslate2 opens what its own library wrote from our weights, and writes the same ids."""

import dataclasses

import pytest
import torch

from gpt2 import GPT2
from serving.hand_off.ctranslate2_folder import check_ctranslate2, write_ctranslate2
from serving.hand_off.gguf_file import tokens_of

pytestmark = pytest.mark.extras


@pytest.fixture(autouse=True)
def ctranslate2():
    return pytest.importorskip("ctranslate2", reason="needs the extra ctranslate2")


@pytest.mark.parametrize(("weights", "close"), [("float32", 2e-5), ("float16", 0.02), ("int8", 0.5)])
def test_logits_agree_and_the_model_stays_as_it_was(model, tokenizer, tmp_path, weights, close):
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    write_ctranslate2(tmp_path / "m", model, tokenizer, weights)
    found = check_ctranslate2(tmp_path / "m", model, tokenizer, weights)
    assert found.largest_difference < close
    assert found.same_choice > 0.9 * found.places
    assert all(torch.equal(before[name], parameter) for name, parameter in model.named_parameters())


def test_greedy_ids_are_the_same(model, tokenizer, tmp_path, ctranslate2):
    write_ctranslate2(tmp_path / "m", model, tokenizer)
    names = tokens_of(model, tokenizer)[0]
    ids = tokenizer.encode("The class")
    got = (
        ctranslate2.Generator(str(tmp_path / "m"), device="cpu", intra_threads=1)
        .generate_batch(
            [[names[id] for id in ids]], max_length=40, sampling_topk=1, include_prompt_in_result=False, end_token=[]
        )[0]
        .sequences_ids[0]
    )
    wanted = list(ids)
    with torch.inference_mode():
        for _ in range(40):
            wanted.append(int(model(torch.tensor([wanted]), last_only=True).argmax()))
    assert list(got) == wanted[len(ids) :]


def test_a_folder_of_other_weights_is_refused(model, tokenizer, tmp_path):
    write_ctranslate2(tmp_path / "m", model, tokenizer)
    other = GPT2(model.config)
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        other.decoder.blocks[0].attention.qkv.weight.mul_(-1)
    with pytest.raises(ValueError, match=r"logits: wanted none further from the model's than"):
        check_ctranslate2(tmp_path / "m", other, tokenizer)


def test_several_ids_that_end_a_text_are_refused(model, tokenizer, tmp_path):
    other = GPT2(dataclasses.replace(model.config, end_ids=(3, 4)))
    with pytest.raises(ValueError, match=r"wanted one id of the vocabulary that ends a text, got \(3, 4\)"):
        write_ctranslate2(tmp_path / "m", other, tokenizer)
