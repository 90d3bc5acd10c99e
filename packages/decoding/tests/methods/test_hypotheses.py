"""Greedy and beam ids equal those of CTranslate2 where both mean the same: hypotheses of one length."""

import pytest
import torch

from decoding import GenerationSettings, generate_ids

PROMPTS = [[3], [1, 4, 1, 5, 9, 2, 6], [5, 3, 5], [8, 9, 7, 9, 3, 2]]


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    ctranslate2 = pytest.importorskip("ctranslate2", reason="compares with CTranslate2, which is not installed")
    from ctranslate2.converters.transformers import _MODEL_LOADERS
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=61, n_positions=96, n_embd=32, n_layer=2, n_head=4, initializer_range=0.3, bos_token_id=None,
        eos_token_id=None,
    )  # fmt: skip
    theirs = GPT2LMHeadModel(config).eval()
    folder = tmp_path_factory.mktemp("ct2")
    theirs.save_pretrained(folder / "hf")
    spec = _MODEL_LOADERS["GPT2Config"].get_model_spec(GPT2LMHeadModel.from_pretrained(folder / "hf"))
    spec.register_vocabulary([f"t{i}" for i in range(61)])
    spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = "t60"
    spec.validate()
    (folder / "ct2").mkdir()
    spec.save(str(folder / "ct2"))
    return theirs, ctranslate2.Generator(str(folder / "ct2"), intra_threads=1)


@pytest.mark.parametrize(
    ("beams", "length_penalty"), [(1, 1.0), *((beams, penalty) for beams in (2, 4, 7) for penalty in (0.0, 1.0))]
)
def test_ids_equal_those_of_ctranslate2(models, converted, beams, length_penalty):
    theirs, generator = converted
    found = [
        generator.generate_batch(
            [[f"t{i}" for i in prompt]], max_length=12, min_length=12, beam_size=beams, length_penalty=length_penalty,
            include_prompt_in_result=False, sampling_topk=1,
        )[0].sequences_ids[0]
        for prompt in PROMPTS  # one by one: in a ragged batch it returns the ends of longer prompts too
    ]  # fmt: skip
    # What it may not end with before the twelfth token, it may not take at all.
    settings = GenerationSettings(
        max_new_tokens=12, temperature=0, beams=beams, length_penalty=length_penalty, banned=((60,),)
    )
    ours = generate_ids(models.Transformers(theirs), PROMPTS, settings)
    assert [list(row.ids) for row in ours] == found
