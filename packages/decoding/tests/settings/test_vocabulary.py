"""Ids that the tokenizer does not know never come, by any method, and a model's own end of text ends its rows."""

import json

import pytest
import torch

import decoding
import gpt2
from decoding import DraftModel, GenerationSettings, GuidedModel, Vocabulary, generate, generate_ids, stream

SPARE = 43  # a table of 257 ids, rounded up to 300
METHODS = {
    "drawn": {"temperature": 3.0, "seed": 5},
    "greedy": {"temperature": 0},
    "beams": {"temperature": 0, "beams": 3},
    "drawn beams": {"beams": 3, "seed": 2},
    "groups": {"temperature": 0, "beams": 4, "beam_groups": 2, "diversity_penalty": 0.5},
    "look-up": {"temperature": 0, "prompt_lookup_tokens": 4},
    "drawn look-up": {"prompt_lookup_tokens": 4, "seed": 3},
    "narrowed": {"top_k": 5, "top_p": 0.9, "top_n_sigma": 1, "typical_p": 0.9, "eta_cutoff": 1e-3},
    "last": {"order": "llama.cpp", "min_p": 0.01, "repetition_penalty": 1.3, "frequency_penalty": 1.0},
}


def rounded_up(models):
    """A model of bytes, whose ids without a byte are by far the likeliest."""
    table = torch.randn(300, 300, generator=torch.Generator().manual_seed(1))
    table[:, -SPARE:] += 20
    return models.Table(table)


@pytest.mark.parametrize("settings", METHODS.values(), ids=METHODS)
def test_ids_that_the_tokenizer_does_not_know_never_come(models, tokenizer, settings):
    settings = GenerationSettings(max_new_tokens=12, **settings)
    for row in generate(rounded_up(models), tokenizer, ["Hi", "ababab"], settings):
        assert row.ids
        assert all(token < 257 for one in (row, *row.others) for token in one.ids)


def test_they_never_come_in_a_batch_in_streams_with_guidance_and_with_a_draft_model(models, tokenizer):
    model, settings = rounded_up(models), GenerationSettings(max_new_tokens=9, log_probabilities=4, seed=1)
    batch = decoding.Batch(model, decode_bytes=tokenizer.decode_bytes)  # whose tokenizer says what it knows
    row = batch.add([1, 2], settings)
    batch.run()
    assert max(row.ids) < 257
    assert all(token < 257 for pairs in row.likeliest for token, _ in pairs)
    assert len("".join(stream(model, tokenizer, "Hi", GenerationSettings(max_new_tokens=9)))) > 0
    assert max(generate(GuidedModel(model), tokenizer, ["Hi"], GenerationSettings(max_new_tokens=9))[0].ids) < 257
    known = Vocabulary.of(model, tokenizer)
    plain = GenerationSettings(max_new_tokens=9)
    drafted = decoding.generate_speculatively(model, DraftModel(model), [[1], [2, 3]], plain, end_of_text=known)
    assert all(max(row.ids) < 257 for row in drafted)
    assert decoding.explain(model, "Hi", tokenizer=tokenizer).chosen < 257


def test_contrastive_search_takes_none_though_all_else_is_alike(tokenizer):
    config = gpt2.GPT2Config(n_vocab=300, n_ctx=32, n_embd=16, n_head=2, n_layer=1)
    model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(0)).eval()
    settings = GenerationSettings(max_new_tokens=6, temperature=0, penalty_alpha=1.0, top_k=300)
    row = generate(model, tokenizer, ["Hi"], settings)[0]
    assert max(row.ids) < 257


def test_a_known_share_of_what_is_drawn_keeps_its_proportions(models, tokenizer):
    table = torch.zeros(300, 300)
    table[:, :257] = -torch.inf
    table[:, 65], table[:, 66] = 1.0, 0.0  # e : 1
    settings = GenerationSettings(max_new_tokens=80)
    drawn = generate(models.Table(table), tokenizer, ["x"] * 50, settings)
    assert sum(row.text.count("A") for row in drawn) / 4000 == pytest.approx(torch.e / (1 + torch.e), abs=0.02)


def test_forced_ids_that_nobody_knows_are_refused_and_bans_of_them_are_not(models, tokenizer):
    model = rounded_up(models)
    with pytest.raises(ValueError, match=r"wanted ids from 0 to 256 .*, got 280 in forced_prefix"):
        generate(model, tokenizer, ["Hi"], GenerationSettings(forced_prefix=(280,)))
    settings = GenerationSettings(max_new_tokens=4, banned=((280,),), logit_bias=(((281,), 9.0),))
    assert max(generate(model, tokenizer, ["Hi"], settings)[0].ids) < 257


@pytest.mark.parametrize("options", [{"do_sample": False}, {"num_beams": 4, "do_sample": False}])
def test_the_ids_are_those_of_transformers_with_spare_ids_suppressed(models, options):
    theirs = models.transformers_gpt2()
    prompt = torch.tensor([[1, 2, 3]])
    wanted = theirs.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=12, suppress_tokens=list(range(50, 61)),
        eos_token_id=[7, 9], pad_token_id=0, **options,
    )[0, 3:].tolist()  # fmt: skip
    settings = GenerationSettings(max_new_tokens=12, temperature=0, beams=options.get("num_beams", 1))
    vocabulary = Vocabulary(ends=(7, 9), known=50)
    ours = generate_ids(models.Transformers(theirs), [[1, 2, 3]], settings, end_of_text=vocabulary)[0]
    assert list(ours.ids) == wanted[: len(ours.ids)]
    assert len(ours.ids) == 12 or ours.ids[-1] in (7, 9)


@pytest.mark.extras
@pytest.mark.parametrize("beams", [1, 3])
def test_a_form_goes_with_a_model_of_more_ids_and_another_end(models, tokenizer, beams):
    pytest.importorskip("llguidance", reason="needs the extra `grammar`")
    model = rounded_up(models)
    model.end_ids = (5, 6)
    constraint = decoding.matching_regex(tokenizer, "[a-c]{3}")
    settings = GenerationSettings(max_new_tokens=20, beams=beams)
    row = generate(model, tokenizer, ["Hi"], settings, constraints=[constraint])[0]
    assert (len(row.text), set(row.text) <= set("abc"), row.finish_reason) == (3, True, "end_of_text")
    assert row.ids[-1] in (5, 6)


def test_a_mask_for_more_ids_or_of_another_kind_is_refused(models, tokenizer):
    for mask, words in ((torch.ones(301).bool(), "at most the model's 300 ids, got one on 301"), ([True], "got list")):
        with pytest.raises((TypeError, ValueError), match=words):
            generate(rounded_up(models), tokenizer, ["Hi"], constraints=[lambda ids, mask=mask: mask])


@pytest.fixture
def saved(tmp_path, trained):
    gpt2.save(tmp_path / "model", *trained)
    return tmp_path / "model"


def rewritten(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("ends", [5, [5, 32, 9]])
@pytest.mark.parametrize("where", ["config.json", "generation_config.json"])
def test_a_model_ends_texts_as_its_folder_says_and_transformers_agrees(saved, where, ends):
    transformers = pytest.importorskip("transformers", reason="compares with transformers, which is not installed")
    if where == "config.json":
        (saved / "generation_config.json").unlink()
    rewritten(saved / where, eos_token_id=ends)
    model, tokenizer = gpt2.load(saved)
    chosen = (ends,) if isinstance(ends, int) else tuple(ends)
    assert model.end_ids == chosen
    theirs = transformers.GPT2LMHeadModel.from_pretrained(saved)
    for prompt in ("the cat", "mat", "on"):
        ids = torch.tensor([tokenizer.encode(prompt)])
        wanted = theirs.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False)
        ours = generate(model, tokenizer, [prompt], GenerationSettings(max_new_tokens=40, temperature=0))[0]
        assert list(ours.ids) == wanted[0, ids.shape[1] :].tolist()[: len(ours.ids)]
        assert len(ours.ids) == wanted.shape[1] - ids.shape[1]


def test_saving_keeps_the_models_own_end_of_text(saved, tmp_path):
    rewritten(saved / "generation_config.json", eos_token_id=[5, 9])
    gpt2.save(tmp_path / "again", *gpt2.load(saved))
    for name in ("config.json", "generation_config.json"):
        assert json.loads((tmp_path / "again" / name).read_text())["eos_token_id"] == [5, 9]
    assert gpt2.load(tmp_path / "again")[0].end_ids == (5, 9)


def test_min_new_tokens_puts_every_end_off_and_an_end_outside_the_vocabulary_is_the_tokenizers(models, tokenizer):
    table = torch.zeros(257, 257)
    table[:, [5, 9]] = 50
    model = models.Table(table)
    model.end_ids = (9, 5)
    row = generate(model, tokenizer, ["x"], GenerationSettings(max_new_tokens=9, min_new_tokens=4, temperature=0))[0]
    assert (len(row.ids), row.finish_reason) == (5, "end_of_text")
    model.end_ids = (50_256,)
    assert Vocabulary.of(model, tokenizer).ends == (tokenizer.end_of_text,)
