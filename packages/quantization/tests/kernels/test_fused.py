"""All blocks in one call give what the blocks give one by one, whatever the cache holds."""

import copy
import io

import pytest
import torch

import gpt2
from attention import KeyValueCache
from decoding import GenerationSettings, contract, generate_ids
from quantization import quantize
from transformer import DecoderStack
from transformer.kernels import fused, native
from transformer.kernels.fused import FusedDecoder, PreparedStack, fuse
from transformer.kernels.whole_step import NewIds, WholeStep

SCHEMES = ["int8", "int4", "int8-weight-only", "bfloat16", "float32", {"decoder.blocks.0.feed_forward.up": "int4"}]


@pytest.fixture(params=["native", "avx2", "plain"])
def calls(request, monkeypatch):
    """How often the blocks ran as one call, on every set of instructions."""
    monkeypatch.setenv(native.SWITCH, request.param)
    if native.library() is None:
        pytest.skip("no C++ compiler here: blocks run one by one")
    monkeypatch.setattr(fused, "MANY", 10**6)  # from which torch takes over
    made, original = [], PreparedStack.__call__
    monkeypatch.setattr(PreparedStack, "__call__", lambda *given: made.append(1) or original(*given))
    whole = WholeStep.__call__

    def counted(*given, **named):
        if (found := whole(*given, **named)) is not None:
            made.append(1)
        return found

    monkeypatch.setattr(WholeStep, "__call__", counted)
    return made


def loud(n_embd=64, n_head=4, **more):
    torch.manual_seed(0)
    model = gpt2.GPT2(gpt2.GPT2Config(211, 48, n_embd, n_head, n_layer=3, **more))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.05)
    return model.eval()


def one_by_one(model):
    """The same model, with the stack of blocks that torch goes through."""
    plain = copy.deepcopy(model)
    plain.decoder.__class__ = DecoderStack
    return plain


def steps(model, rows=((5, 4, 7), (1, 1, 1), (1, 1, 1), (12, 3, 1), (1, 1, 1))):
    """Logits behind ragged prompts, single tokens and more, into one cache."""
    cache, draws = model.new_cache(3, 40), torch.Generator().manual_seed(0)
    for lengths in rows:
        tokens = torch.randint(model.n_vocab, (3, max(lengths)), generator=draws)
        yield model(tokens, cache=cache, lengths=torch.tensor(lengths), last_only=True)


@torch.inference_mode()
@pytest.mark.parametrize("how", SCHEMES, ids=str)
@pytest.mark.parametrize("shape", [(64, 4), (128, 2), (96, 1)], ids=str)
def test_ragged_rows_and_long_prompts_are_those_of_single_blocks(calls, how, shape):
    model = quantize(loud(*shape), how)
    ours, theirs = (torch.stack(list(steps(each))) for each in (model, one_by_one(model)))
    off = (ours - theirs).abs().amax(-1) / theirs.abs().max()
    assert off.median() < 1e-6
    # An activation half-way between two whole numbers may become either, and its row then differs a little.
    assert off.max() < (0.03 if "int4" in str(how) or how == "int8" else 1e-5)
    assert len(calls) == 5


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.int8], ids=str)
@pytest.mark.parametrize("how", SCHEMES, ids=str)
def test_a_prompt_gets_the_same_bits_alone_and_beside_others_in_any_parts(calls, how, dtype):
    model, length = quantize(loud(), how), 40
    step, texts = gpt2.whole_step(model), torch.randint(211, (3, length), generator=torch.Generator().manual_seed(0))
    config = model.config

    def cache_of(rows):
        return KeyValueCache(config.n_layer, rows, config.n_head, length, config.n_embd // config.n_head, dtype=dtype)

    def read(rows, parts):
        """Logits behind every id of these rows, read in such parts."""
        cache, found, held = cache_of(len(rows)), [], 0
        for part in parts:
            several = [NewIds(row, held, text[held : held + part], True) for row, text in enumerate(rows)]
            found.append(step.together(several, cache)[0].view(len(rows), part, -1))
            held += part
        return torch.cat(found, dim=1)

    rows = texts.tolist()
    alone = torch.cat([read([row], [1] * length) for row in rows])
    for parts in ([length], [17, 22, 1], [5, 1, 34]):
        assert torch.equal(read(rows, parts), alone)
        assert torch.equal(read(rows[:1], parts), alone[:1])


@torch.inference_mode()
@pytest.mark.parametrize(("how", "fast"), [("int8", 4), ("bfloat16", 4), ("int4", 5)])
def test_many_tokens_go_block_by_block_where_torch_is_faster(calls, monkeypatch, how, fast):
    if how == "int8" and not native.torch_multiplies_bytes():
        pytest.skip("no AVX-512 VNNI here, or matrix tiles beside it: int8 stays with the kernels")
    model = quantize(loud(), how)
    expected = torch.stack(list(steps(one_by_one(model))))
    monkeypatch.setattr(fused, "MANY", 32)  # the step of three rows with 12 tokens
    off = (torch.stack(list(steps(model))) - expected).abs().amax(-1) / expected.abs().max()
    assert off.median() < 1e-6
    assert off.max() < 0.03
    assert len(calls) == fast


@torch.inference_mode()
def test_the_exact_gelu_of_nanogpt_is_computed_too(calls):
    model = quantize(loud(activation="gelu"))
    for ours, theirs in zip(steps(model), steps(one_by_one(model)), strict=True):
        assert (ours - theirs).abs().max() < 1e-5 * theirs.abs().max()
    assert len(calls) == 5


@torch.inference_mode()
@pytest.mark.parametrize(("how", "tolerance"), [("int8", 1e-3), ("int4", 0.05)])
def test_the_reference_on_torch_alone_is_near_and_agrees_on_the_likeliest_id(calls, monkeypatch, how, tolerance):
    model = quantize(loud(), how)
    ours = torch.stack(list(steps(model)))
    monkeypatch.setenv(native.SWITCH, "torch")
    theirs = torch.stack(list(steps(model)))
    assert len(calls) == 5
    assert (ours - theirs).norm() < tolerance * theirs.norm()
    assert (ours.argmax(-1) == theirs.argmax(-1)).float().mean() > 0.9


def test_it_keeps_the_promises_of_a_model_that_one_can_decode(calls):
    contract.check(quantize(loud(), "int8"))
    assert calls


@pytest.mark.parametrize("settings", [{}, {"beams": 3}, {"temperature": 0.9, "seed": 1}, {"prompt_lookup_tokens": 3}])
def test_every_way_of_decoding_writes_the_same_ids(calls, settings):
    model, prompts = quantize(loud()), [[1, 2, 3], [5], [7, 8, 9, 10, 11]]
    chosen = GenerationSettings(**{"temperature": 0, "max_new_tokens": 12, **settings})
    ours = [row.ids for row in generate_ids(model, prompts, chosen)]
    assert len(calls) >= 5
    assert ours == [row.ids for row in generate_ids(one_by_one(model), prompts, chosen)]


@torch.inference_mode()
def test_caches_masks_and_hooks_that_the_kernels_do_not_know_run_block_by_block(calls):
    model = quantize(loud())
    tokens = torch.randint(211, (2, 6), generator=torch.Generator().manual_seed(0))
    alone = model(tokens)
    seen = []
    handle = model.decoder.blocks[1].feed_forward.register_forward_hook(lambda *given: seen.append(1))
    hooked = model(tokens, cache=model.new_cache(2, 8))
    handle.remove()
    assert len(seen) == 1
    assert not calls
    together = model(tokens, cache=model.new_cache(2, 8))
    assert len(calls) == 1
    assert torch.allclose(together, alone, atol=1e-4)
    assert torch.allclose(together, hooked, atol=1e-4)


def test_a_full_cache_and_gradients_are_refused_as_by_single_blocks(calls):
    model = quantize(loud())
    cache = model.new_cache(1, 4)
    with torch.inference_mode():
        model(torch.ones(1, 3, dtype=torch.int64), cache=cache)
        with pytest.raises(ValueError, match="wanted at most 1 more tokens; got 2"):
            model(torch.ones(1, 2, dtype=torch.int64), cache=cache)
    with pytest.raises(ValueError, match="wanted keys without a gradient"):
        model(torch.ones(1, 1, dtype=torch.int64), cache=model.new_cache(1, 4))
    assert len(calls) == 1


@torch.inference_mode()
def test_weights_that_change_are_read_anew(calls):
    model, other = quantize(loud()), quantize(loud())
    before = next(steps(model))
    for layer in other.decoder.modules():
        if hasattr(layer, "kind"):
            layer.weight.copy_(layer.weight.flip(0))
    wanted = next(steps(one_by_one(other)))
    assert not torch.allclose(before, wanted, atol=0.1)
    model.load_state_dict(other.state_dict())
    assert torch.allclose(next(steps(model)), wanted, atol=1e-4)
    again = quantize(loud())
    list(steps(again))
    for name, layer in other.decoder.named_modules():
        if hasattr(layer, "kind"):
            again.decoder.get_submodule(name).weight = layer.weight.clone()
    assert torch.allclose(next(steps(again)), wanted, atol=1e-4)


@torch.inference_mode()
def test_copies_and_files_of_torch_hold_no_addresses(calls):
    model = quantize(loud())
    wanted = next(steps(model))
    assert torch.equal(next(steps(copy.deepcopy(model))), wanted)
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    assert torch.equal(next(steps(torch.load(file, weights_only=False))), wanted)


def test_stacks_of_another_kind_stay_as_they_are():
    for parts in ({"wiring": "parallel"}, {"wiring": "post"}):
        model = torch.nn.ModuleDict({"stack": DecoderStack(2, 32, 4, **parts)})
        assert type(fuse(model)["stack"]) is DecoderStack
    assert type(fuse(torch.nn.ModuleDict({"stack": DecoderStack(2, 32, 4)}))["stack"]) is FusedDecoder
