"""The suffix alone, computed again, says what the whole model says with the part edited away."""

import pytest
import torch
from torch.nn import functional as F

import quantization
from interpretability import ablate, editing, parts_of, tracing
from interpretability.ablation import chosen_parts
from interpretability.interventions.replacements import check_reference


def texts(rows, seed, length=10):
    return torch.randint(300, (rows, length), generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def cost(model, tokens, edits):
    """Nats a token of each row with these edits, by the whole model."""
    with editing(model, edits):
        logits = model(tokens)
    nats = F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
    return nats.view(len(tokens), -1).mean(dim=1)


def putting(value, *slices):
    """An edit that puts a value into a slice."""

    def put(x):
        x[slices or ...] = value
        return x

    return put


EVERY = slice(None)


def edits_of(part, value):
    """The same as ablating `part`, with `value(place)` in its place."""
    number = part.number
    if number is None:
        return {place: putting(value(place)) for place in part.places}
    kept = (..., number, EVERY) if part.kind == "head" else (..., number)
    return {part.places[0]: putting(value(part.places[0])[kept], EVERY, EVERY, number)}


PARTS = ["positions", "0.head.1", "1.head.2", "0.attention", "1.neuron.5", "0.neuron.95", "1.feed_forward", "0.block"]


def test_zero_is_what_editing_says(each_model):
    tokens = texts(3, 1)
    with tracing(each_model) as found, torch.no_grad():
        each_model(tokens)
    known, shapes = parts_of(each_model), {name: value.shape for name, value in found.items()}
    names = [name for name in PARTS if name in known]
    plain = cost(each_model, tokens, {})
    for effect in ablate(each_model, tokens, names, how="zero"):
        edited = cost(each_model, tokens, edits_of(known[effect.part], lambda place: torch.zeros(shapes[place])))
        assert effect.nats.value == pytest.approx((edited - plain).mean().item(), abs=2e-5), effect.part


@torch.no_grad()
def test_mean_is_that_of_the_other_text(model):
    tokens, other = texts(3, 1), texts(4, 2, length=7)
    with tracing(model) as found:
        model(other)
    known, plain = parts_of(model), cost(model, tokens, {})
    for effect in ablate(model, tokens, PARTS, how="mean", reference=other):
        edited = cost(model, tokens, edits_of(known[effect.part], lambda place: found[place].mean(dim=(0, 1))))
        assert effect.nats.value == pytest.approx((edited - plain).mean().item(), abs=2e-5), effect.part


@torch.no_grad()
def test_resample_puts_in_what_one_other_row_had_at_the_same_token(model):
    tokens, other = texts(3, 1), texts(1, 2, length=12)
    with tracing(model) as found:
        model(other[:, :10].expand(3, -1))
    known, plain = parts_of(model), cost(model, tokens, {})
    for effect in ablate(model, tokens, PARTS, how="resample", reference=other):
        edited = cost(model, tokens, edits_of(known[effect.part], found.__getitem__))
        assert effect.nats.value == pytest.approx((edited - plain).mean().item(), abs=2e-5), effect.part


def test_resample_draws_from_the_generator_given(model):
    tokens, other = texts(3, 1), texts(9, 2)

    def drawn(seed):
        generator = torch.Generator().manual_seed(seed)
        found = ablate(model, tokens, "0.attention", how="resample", reference=other, generator=generator)
        return found[0].nats.value

    assert drawn(0) == drawn(0) != drawn(1)


def test_only_the_tokens_asked_for_are_changed(model):
    tokens = texts(3, 1)

    def at_two(x):
        x[:, 2, 1] = 0
        x[:, -1, 1] = 0
        return x

    plain, edited = cost(model, tokens, {}), cost(model, tokens, {"0.attention.heads": at_two})
    effect = ablate(model, tokens, "0.head.1", how="zero", at=[2, -1])[0]
    assert effect.nats.value == pytest.approx((edited - plain).mean().item(), abs=2e-5)


@torch.no_grad()
def test_an_edit_around_it_holds_inside(model):
    """The shortcut for heads steps aside where somebody looks into the feed-forward layer."""
    tokens = texts(3, 1)
    half = {"0.feed_forward.pre": lambda x: x * 0.5}
    with editing(model, half):
        effect = ablate(model, tokens, "0.head.1", how="zero")[0]
    off = {"0.attention.heads": putting(0.0, EVERY, EVERY, 1)}
    wanted = cost(model, tokens, half | off) - cost(model, tokens, half)
    assert effect.nats.value == pytest.approx(wanted.mean().item(), abs=2e-5)


def test_many_rows_in_batches_are_one_result(model, monkeypatch):
    tokens, seen = texts(9, 4), []
    whole = ablate(model, tokens, ["0.head.0", "1.feed_forward"], how="zero")
    monkeypatch.setattr("interpretability.ablation.TOKENS_AT_ONCE", 30)
    parts = ablate(
        model,
        tokens,
        ["0.head.0", "1.feed_forward"],
        how="zero",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(n, 6) for n in range(7)]
    for one, other in zip(whole, parts, strict=True):
        assert one.nats.value == pytest.approx(other.nats.value, abs=1e-6)


def test_a_quantized_model_is_ablated(make_model):
    small = quantization.quantize(make_model(n_embd=32, n_head=2), "int8-weight-only")
    tokens = texts(3, 1)
    effect = ablate(small, tokens, "0.head.1", how="zero")[0]
    edited = cost(small, tokens, {"0.attention.heads": putting(0.0, EVERY, EVERY, 1)})
    assert effect.nats.value == pytest.approx((edited - cost(small, tokens, {})).mean().item(), abs=1e-3)


def test_patterns_choose_parts_in_the_models_order(model):
    assert [part.name for part in chosen_parts(model, ["1.head.*", "positions"])] == [
        "positions", "1.head.0", "1.head.1", "1.head.2"
    ]  # fmt: skip
    assert len(parts_of(model)) == 1 + 2 * (3 + 1 + 96 + 2)


def test_wrong_input_is_refused(model):
    tokens = texts(3, 1)
    for parts, advice in (
        ("0.head.7", "did you mean"),
        ("zzz", r"parts_of\(model\) lists all"),
        ([], "at least one part"),
    ):
        with pytest.raises(ValueError, match=advice):
            ablate(model, tokens, parts, how="zero")
    with pytest.raises(ValueError, match=r"reference: wanted rows of another text, \[N, T\], for mean, got none"):
        ablate(model, tokens)
    with pytest.raises(ValueError, match=r"reference: wanted rows of at least 10 tokens.*got 9"):
        ablate(model, tokens, how="resample", reference=texts(3, 2, length=9))
    with pytest.raises(ValueError, match="how: wanted one of zero, mean, resample, got 'median'"):
        check_reference("median", None, 10)
    with pytest.raises(ValueError, match="at: wanted tokens 0 to 9 of a row, got 10"):
        ablate(model, tokens, how="zero", at=[10])
    with pytest.raises(ValueError, match=r"tokens: wanted rows \[N, T\] of 2 to 32, got \[1, 40\]"):
        ablate(model, texts(1, 1, length=40), how="zero")
