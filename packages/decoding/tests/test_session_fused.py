"""A session calls the blocks as one step where that is faster, and nobody can tell but by the time it takes."""

import logging

import pytest
import torch

import gpt2
from decoding import GenerationSettings, generate_ids, session
from decoding.session import Session
from tensors import move_to_huge_pages
from transformer import DecoderStack
from transformer.kernels import fused, native
from transformer.kernels.fused import FusedDecoder, PreparedStack
from transformer.kernels.whole_step import WholeStep

PROMPTS = [[1, 2, 3], [5], [7, 8, 9, 10, 11]]


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = gpt2.GPT2(gpt2.GPT2Config(211, 48, 64, 4, n_layer=3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.1)
    return model


@pytest.fixture
def steps(monkeypatch):
    """How often the blocks ran as one call; `steps.faster = False` as on a processor where that is slower."""
    if native.library() is None:
        pytest.skip("no C++ compiler here: blocks run one by one")

    class Steps(list):
        faster = True

    made, original = Steps(), PreparedStack.__call__
    monkeypatch.setattr(PreparedStack, "__call__", lambda *given: made.append(1) or original(*given))
    whole = WholeStep.__call__

    def counted(*given, **named):
        if (found := whole(*given, **named)) is not None:
            made.append(1)
        return found

    monkeypatch.setattr(WholeStep, "__call__", counted)
    monkeypatch.setattr(fused, "MOST_FLOAT_TOKENS", 40)
    monkeypatch.setattr(session, "fused_steps_are_faster", lambda model: made.faster)
    return made


@pytest.mark.parametrize("asked", [{}, {"beams": 3}, {"temperature": 0.9, "seed": 1}, {"prompt_lookup_tokens": 3}])
def test_every_way_of_decoding_writes_the_same_ids_in_fused_steps(model, steps, asked):
    settings = GenerationSettings(**{"temperature": 0, "max_new_tokens": 12, **asked})
    wanted = [row.ids for row in generate_ids(model, PROMPTS, settings)]
    assert len(steps) >= 5
    steps.faster, taken = False, len(steps)
    assert wanted == [row.ids for row in generate_ids(model, PROMPTS, settings)]
    assert len(steps) == taken
    assert type(model.decoder) is DecoderStack
    assert model.training


def test_logits_are_those_of_single_blocks(model, steps):
    quick = Session(model, 3, 20)
    steps.faster = False
    plain = Session(model, 3, 20)
    assert type(quick.stepped.decoder) is FusedDecoder
    assert plain.stepped is model
    for tokens in (PROMPTS, [[4], [9], [200]], [[4], [9], [200]]):
        ours, theirs = quick.feed(tokens), plain.feed(tokens)
        assert (ours - theirs).abs().max() < 1e-5 * theirs.abs().max()
    assert len(steps) == 3


def test_hooks_and_half_precision_stay_with_torch(model, steps):
    seen = []
    handle = model.decoder.blocks[1].register_forward_hook(lambda *given: seen.append(1))
    watched = Session(model, 1, 20)
    logits = watched.feed([[1, 2]])
    handle.remove()
    assert (len(seen), steps) == (1, [])
    assert torch.allclose(Session(model, 1, 20).feed([[1, 2]]), logits, atol=1e-4)
    assert len(steps) == 1
    Session(model.bfloat16(), 1, 20).feed([[1, 2]])
    assert len(steps) == 1


def test_without_a_compiler_the_ids_are_the_same_and_one_note_is_given(model, steps, monkeypatch, tmp_path, caplog):
    wanted = [row.ids for row in generate_ids(model, PROMPTS, GenerationSettings(temperature=0, max_new_tokens=8))]
    taken = len(steps)
    native._library.cache_clear()
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("TENSORS_TO_GPT2_CACHE", str(tmp_path))
    try:
        with caplog.at_level(logging.WARNING):
            ours = generate_ids(model, PROMPTS, GenerationSettings(temperature=0, max_new_tokens=8))
    finally:
        native._library.cache_clear()
    assert [row.ids for row in ours] == wanted
    assert len(steps) == taken
    assert [record.message for record in caplog.records] == [
        "decoding runs on torch alone, quantized layers slowly: no kernels could be made "
        "(no C++ compiler on the path: install g++ or clang, or set CXX)"
    ]


def test_weights_that_change_between_two_sessions_are_noticed(model, steps):
    for change in (
        lambda: model.token_embedding.weight.mul_(-1),
        lambda: model.decoder.blocks[1].feed_forward.up.weight.mul_(2),
        lambda: setattr(model.final_norm, "weight", torch.nn.Parameter(torch.randn(64))),
        lambda: setattr(model.decoder.blocks[0].attention, "out", torch.nn.Linear(64, 64)),
    ):
        steps.faster = True
        Session(model, 1, 20).feed([[1, 2]])
        with torch.no_grad():
            change()
        quick = Session(model, 1, 20)
        steps.faster = False
        plain = Session(model, 1, 20)
        ours, theirs = quick.feed([[1, 2]]), plain.feed([[1, 2]])
        assert (ours - theirs).abs().max() < 1e-5 * theirs.abs().max()
    assert len(steps) == 8


def test_a_hook_that_is_put_on_inside_a_session_is_called_from_then_on(model, steps):
    session, seen = Session(model, 1, 20), []
    session.feed([[1, 2]])
    handle = model.decoder.blocks[1].feed_forward.register_forward_hook(lambda m, given, y: seen.append(1) or 2 * y)
    bent = session.feed([[3]])
    assert (len(seen), len(steps), session.likeliest) == (1, 1, None)
    handle.remove()
    straight = session.feed([[3]])
    assert (len(seen), len(steps)) == (1, 2)
    assert (bent - straight).abs().max() > 0.01


def test_likeliest_ids_are_taken_only_where_nothing_else_is_asked_for(model, steps):
    for more in ({}, {"log_probabilities": 0}, {"repetition_penalty": 1.5}, {"banned": ((76,),)}):
        asked = GenerationSettings(temperature=0, max_new_tokens=12, **more)
        steps.faster = True
        ours = generate_ids(model, PROMPTS, asked)
        steps.faster = False
        assert [row.ids for row in ours] == [row.ids for row in generate_ids(model, PROMPTS, asked)]
    with torch.no_grad():
        model.token_embedding.weight[5] = float("nan")
    steps.faster = True
    with pytest.raises(ValueError, match="wanted finite logits, got a largest logit of nan"):
        generate_ids(model, [[1, 2]], GenerationSettings(temperature=0))


def test_one_thread_and_weights_in_huge_pages_write_the_same_ids(model, steps):
    asked, threads = GenerationSettings(temperature=0, max_new_tokens=12), torch.get_num_threads()
    wanted = [row.ids for row in generate_ids(model, PROMPTS, asked)]
    torch.set_num_threads(1)
    try:
        assert [row.ids for row in generate_ids(model, PROMPTS, asked)] == wanted
        move_to_huge_pages(model)
        assert [row.ids for row in generate_ids(model, PROMPTS, asked)] == wanted
    finally:
        torch.set_num_threads(threads)
