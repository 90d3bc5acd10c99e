"""Tracing reads what transformers computes, editing does what its function says, and both leave nothing behind."""

import weakref

import pytest
import torch
from torch.nn import functional as F

import decoding
import gpt2
import quantization
from interpretability import PLACES, editing, head_writes, places_of, tracing
from transformer.kernels.fused import with_fused_steps

FEW = [name for name in PLACES if not name.startswith("L.")] + [f"0{n[1:]}" for n in PLACES if n.startswith("L.")]
"""Every kind of place once."""


@pytest.fixture
def theirs(each_model, tokenizer, tmp_path):
    """The same model in transformers, with eager attention, which shows its weights."""
    import transformers

    gpt2.save(tmp_path / "model", each_model, tokenizer)
    return transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "model", attn_implementation="eager").eval()


@torch.no_grad()
def test_the_stream_and_the_patterns_are_those_of_transformers(each_model, tokens, theirs):
    with tracing(each_model) as found:
        logits = each_model(tokens)
    they = theirs(tokens, output_hidden_states=True, output_attentions=True)
    streams = [found["0.resid_pre"], *(found[f"{n}.resid_post"] for n in range(each_model.config.n_layer))]
    streams[-1] = found["final_norm"]  # transformers' last state is normed
    for ours, wanted in zip(streams, they.hidden_states, strict=True):
        torch.testing.assert_close(ours, wanted, atol=1e-5, rtol=1e-5)
    for layer, wanted in enumerate(they.attentions):
        torch.testing.assert_close(found[f"{layer}.attention.pattern"], wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(logits, they.logits, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_each_place_holds_what_its_shape_and_its_neighbors_say(each_model, tokens):
    with tracing(each_model) as found:
        plain = each_model(tokens)
    c = each_model.config
    sizes = {"B": 2, "T": 9, "C": c.n_embd, "4C": 4 * c.n_embd, "H": c.n_head, "D": c.n_embd // c.n_head, "V": 300}
    assert set(found) == set(places_of(each_model))
    for name, place in places_of(each_model).items():
        assert list(found[name].shape) == [sizes[axis] for axis in place.shape.split()], name
    assert torch.equal(found["logits"], plain)
    assert torch.equal(found["embed"] + found["positions"], found["0.resid_pre"])
    for n, block in enumerate(each_model.decoder.blocks):
        at = {name.partition(".")[2]: value for name, value in found.items() if name.startswith(f"{n}.")}
        assert torch.equal(at["resid_pre"] + at["attention.out"], at["resid_mid"])
        assert torch.equal(at["resid_mid"] + at["feed_forward.out"], at["resid_post"])
        assert torch.equal(block.attention_norm(at["resid_pre"]), at["attention.norm"])
        assert torch.equal(block.feed_forward_norm(at["resid_mid"]), at["feed_forward.norm"])
        assert torch.equal(F.gelu(at["feed_forward.pre"], approximate="tanh"), at["feed_forward.hidden"])
        gathered = torch.einsum("bhts,bshd->bthd", at["attention.pattern"], at["attention.value"])
        torch.testing.assert_close(gathered, at["attention.heads"], atol=1e-5, rtol=1e-5)
        scores = torch.einsum("bthd,bshd->bhts", at["attention.query"], at["attention.key"]) / sizes["D"] ** 0.5
        hidden = torch.ones(9, 9, dtype=torch.bool).triu(1)
        wanted = scores.masked_fill(hidden, -torch.inf).softmax(dim=-1)
        torch.testing.assert_close(at["attention.pattern"], wanted, atol=1e-5, rtol=0)
        written = head_writes(each_model, n, at["attention.heads"]).sum(dim=2) + block.attention.out.bias
        torch.testing.assert_close(written, at["attention.out"], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_tracing_and_the_identity_change_no_bit(model, tokens, mode):
    with mode():
        plain = model(tokens)
        with tracing(model):
            assert torch.equal(model(tokens), plain)
        for name in FEW:
            for same in (lambda x: x, lambda x: x.clone()):
                with editing(model, {name: same}):
                    assert torch.equal(model(tokens), plain), name


@torch.no_grad()
def test_every_place_can_be_edited_and_is_restored(model, tokens):
    plain = model(tokens)
    with tracing(model) as before:
        model(tokens)
    for name in FEW:
        with editing(model, {name: lambda x: x * 0.5}), tracing(model, name) as inside:
            changed = model(tokens)
        assert not torch.allclose(changed, plain), name
        assert torch.equal(inside[name], before[name] * 0.5), name
    assert torch.equal(model(tokens), plain)


def no_hooks(model):
    return not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_what_is_edited_is_restored_after_an_exception(model, tokens):
    plain = model(tokens)

    def fails(x):
        raise ArithmeticError

    for name in FEW:
        with pytest.raises(ArithmeticError), tracing(model), editing(model, {name: fails}):
            model(tokens)
        assert no_hooks(model), name
    with pytest.raises(ValueError, match="place"), editing(model, {"0.resid_pre": torch.zeros_like, "nowhere": fails}):
        pass
    assert no_hooks(model)
    assert torch.equal(model(tokens), plain)


@torch.no_grad()
def test_an_edited_head_is_a_head_pruned_in_transformers(each_model, tokens, theirs):
    """Zeroing a head is zeroing its rows of c_proj."""
    last = each_model.config.n_head - 1

    def off(x):
        x[:, :, last] = 0
        return x

    with editing(each_model, {"0.attention.heads": off}):
        ours = each_model(tokens)
    theirs.transformer.h[0].attn.c_proj.weight[-(each_model.config.n_embd // (last + 1)) :] = 0
    torch.testing.assert_close(ours, theirs(tokens).logits, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_an_edited_pattern_is_what_the_heads_gather_by(model, tokens):
    uniform = torch.ones(9, 9).tril()
    uniform = (uniform / uniform.sum(dim=-1, keepdim=True)).expand(2, 3, 9, 9)
    with editing(model, {"0.attention.pattern": lambda x: uniform}), tracing(model) as found:
        model(tokens)
    value = found["0.attention.value"]
    wanted = value.cumsum(dim=1) / torch.arange(1, 10)[None, :, None, None]
    torch.testing.assert_close(found["0.attention.heads"], wanted, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_an_inner_edit_of_queries_is_seen_by_an_outer_trace_of_patterns(model, tokens):
    with tracing(model, "*.attention.pattern") as found, editing(model, {"0.attention.query": torch.zeros_like}):
        model(tokens)
    even = torch.ones(9, 9).tril()
    torch.testing.assert_close(found["0.attention.pattern"][0, 0], even / even.sum(dim=-1, keepdim=True))


@torch.no_grad()
def test_edits_and_traces_of_a_pattern_see_each_other_in_their_order(model, tokens):
    place = "0.attention.pattern"
    with tracing(model, place) as first, editing(model, {place: lambda x: x * 0.5}), tracing(model, place) as second:
        with editing(model, {place: lambda x: x * 0.5}), tracing(model, ["0.attention.heads", place]) as third:
            model(tokens)
        assert torch.equal(first[place] * 0.25, third[place])
        assert torch.equal(first[place] * 0.5, second[place])
        model(tokens)
        with tracing(model, "0.attention.heads") as halved:
            model(tokens)
    torch.testing.assert_close(halved["0.attention.heads"] * 0.5, third["0.attention.heads"])
    assert "pattern_edits" not in model.decoder.blocks[0].attention.__dict__


@torch.no_grad()
def test_two_edits_of_a_place_are_done_outside_in(model, tokens):
    with editing(model, {"final_norm": torch.zeros_like}), editing(model, {"final_norm": lambda x: x + 1}):
        logits = model(tokens)
    torch.testing.assert_close(logits[0, 0], model.token_embedding.weight.sum(dim=1))


def test_gradients_reach_every_place_and_are_autograds_own(model, tokens):
    model.double()
    with tracing(model) as found:
        logit = model(tokens)[0, 5, 7]
    places = [name for name in FEW if not name.endswith("pattern")]
    gradients = torch.autograd.grad(logit, [found[name] for name in places])
    generator = torch.Generator().manual_seed(2)
    for name, gradient in zip(places, gradients, strict=True):
        step = torch.randn(gradient.shape, generator=generator, dtype=torch.float64)
        values = []
        for size in (1e-5, -1e-5):
            with torch.no_grad(), editing(model, {name: lambda x, s=size, d=step: x + s * d}):
                values.append(model(tokens)[0, 5, 7])
        slope = (values[0] - values[1]) / 2e-5
        assert slope.item() == pytest.approx((gradient * step).sum().item(), rel=1e-4, abs=1e-7), name


def test_gradients_flow_through_an_edited_pattern(model, tokens):
    model.double()
    kept = {}

    def keep(x):
        kept["x"] = x
        return x

    with editing(model, {"1.attention.pattern": keep}):
        logit = model(tokens)[0, 5, 7]
    gradient = torch.autograd.grad(logit, kept["x"])[0]
    step = torch.zeros_like(gradient)
    step[0, 1, 5, 2] = 1e-5
    values = []
    for sign in (1, -1):
        with torch.no_grad(), editing(model, {"1.attention.pattern": lambda x, s=sign: x + s * step}):
            values.append(model(tokens)[0, 5, 7])
    assert ((values[0] - values[1]) / 2e-5).item() == pytest.approx(gradient[0, 1, 5, 2].item(), rel=1e-4)


def test_wrong_results_of_an_edit_are_named(model, tokens):
    with (
        editing(model, {"embed": lambda x: x[:, :1]}),
        pytest.raises(ValueError, match=r"embed: wanted shape \[2, 9, 24"),
    ):
        model(tokens)
    with editing(model, {"embed": lambda x: None}), pytest.raises(TypeError, match=r"embed: wanted a tensor.*NoneType"):
        model(tokens)


def test_generation_with_a_cache_goes_through_the_edit(model):
    """The fused decoding step is left where a layer is edited: cached text equals uncached text."""
    settings = decoding.GenerationSettings(max_new_tokens=12, temperature=0.0, stop_at_end_of_text=False)

    def off(x):
        x[:, :, 1] = 0
        return x

    def uncached():
        ids = [3, 4, 5]
        with torch.no_grad():
            for _ in range(12):
                ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
        return ids[3:]

    plain = uncached()
    with editing(model, {"*.attention.heads": off}):
        wanted = uncached()
        assert list(decoding.generate_ids(model, [[3, 4, 5]], settings)[0].ids) == wanted
        fused, prompt = with_fused_steps(model), torch.tensor([[3, 4, 5]])
        with torch.no_grad():
            torch.testing.assert_close(fused(prompt, fused.new_cache(1)), model(prompt), atol=1e-5, rtol=1e-5)
    assert wanted != plain


def test_a_pattern_is_refused_with_a_cache_and_the_rest_is_traced(model, tokens):
    with tracing(model, "0.attention.heads") as found, torch.no_grad():
        cache = model.new_cache(2)
        model(tokens[:, :5], cache)
        model(tokens[:, 5:], cache)
    assert found["0.attention.heads"].shape == (2, 4, 3, 8)
    with (
        tracing(model, "0.attention.pattern"),
        pytest.raises(ValueError, match=r"0.attention.pattern: wanted a call with"),
    ):
        model(tokens, model.new_cache(2))
    assert no_hooks(model)


@torch.no_grad()
def test_a_quantized_model_is_read_and_edited(make_model, tokens):
    small = quantization.quantize(make_model(n_embd=32, n_head=2), "int8")
    plain = small(tokens)
    with tracing(small) as found:
        assert torch.equal(small(tokens), plain)
    assert set(found) == set(places_of(small))
    with editing(small, {"1.feed_forward.hidden": torch.zeros_like}):
        assert not torch.equal(small(tokens), plain)


def live_bytes(model, tokens, places):
    """Bytes of the tensors that live at once, at most, while the model runs, with the weights that a product reads."""
    from torch.utils._python_dispatch import TorchDispatchMode

    seen: dict[int, int] = {}
    peak = 0

    class Counter(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, arguments=(), named=None):
            nonlocal peak
            made = function(*arguments, **(named or {}))
            for each in made if isinstance(made, (tuple, list)) else (made,):
                if isinstance(each, torch.Tensor):
                    storage = each.untyped_storage()
                    if storage._cdata not in seen and storage.nbytes():
                        seen[storage._cdata] = storage.nbytes()
                        weakref.finalize(storage, seen.pop, storage._cdata, None)
                    peak = max(peak, sum(seen.values()))
            return made

    with torch.no_grad(), Counter():
        if places is None:
            model(tokens)
        else:
            with tracing(model, places):
                model(tokens)
    return peak


def test_recording_one_place_of_124m_costs_a_tenth_of_the_pass_at_most():
    """On torch's device without numbers, which makes all tensors of a pass over 1,024 tokens but computes nothing."""
    with torch.device("meta"):
        model, tokens = gpt2.GPT2(gpt2.PUBLISHED["gpt2"]).eval(), torch.zeros(1, 1024, dtype=torch.long)
    plain = live_bytes(model, tokens, None)
    assert plain > 4 * (124_000_000 + 1024 * 50_257)  # the weights but for biases, and the logits
    for name in ("embed", "5.resid_mid", "5.attention.heads", "5.attention.pattern", "5.feed_forward.hidden", "logits"):
        assert plain <= live_bytes(model, tokens, [name]) <= 1.1 * plain, name
