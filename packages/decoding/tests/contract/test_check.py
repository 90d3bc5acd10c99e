"""Sound models keep the contract; each planted defect is caught by the claim that it breaks."""

import pytest
import torch

from decoding import contract


@pytest.fixture
def sound_models(models):
    return [
        models.Tiny(),
        models.Tiny(n_ctx=3),
        models.Transformers(models.transformers_gpt2()),
        models.Table(torch.randn(9, 9, generator=torch.Generator().manual_seed(0)), n_ctx=12),
    ]


def test_sound_models_pass(sound_models):
    for model in sound_models:
        assert "cache equals no cache" in contract.check(model)


def test_a_model_in_training_passes_and_goes_on_training(models):
    model = models.Tiny().train()
    contract.check(model)
    assert model.training
    assert model.dropout.training


def test_checking_leaves_the_random_state_alone(models):
    before = torch.get_rng_state()
    contract.check(models.Table(torch.zeros(5, 5), n_ctx=8))
    assert torch.equal(torch.get_rng_state(), before)


def future_leaks(model):
    model.visible = lambda slots, positions: slots < positions + 2


def positions_start_again(model):
    forward, positions = model.forward, model.positions.data.clone()

    def defect(tokens, cache=None, lengths=None, last_only=False):
        if cache is not None and cache.lengths.max() > 0:  # later pieces begin at position 0
            model.positions.data = positions.roll(int(cache.lengths.max()), 0)
        try:
            return forward(tokens, cache, lengths, last_only)
        finally:
            model.positions.data = positions

    model.forward = defect


def padding_counts(model):
    forward = model.forward

    def defect(tokens, cache=None, lengths=None, last_only=False):
        logits = forward(tokens, cache, None, last_only=False)
        rows = torch.arange(len(tokens))
        if last_only:
            return logits[rows, (torch.full_like(rows, tokens.shape[1]) if lengths is None else lengths) - 1]
        return logits

    model.forward = defect


def last_only_means_the_last_column(model):
    forward = model.forward

    def defect(tokens, cache=None, lengths=None, last_only=False):
        logits = forward(tokens, cache, lengths)
        return logits[:, -1] if last_only else logits

    model.forward = defect


def one_cache_for_all(model):
    new_cache = model.new_cache
    the_cache = new_cache(1, 20)
    model.new_cache = lambda batch, length: the_cache if batch == 1 else new_cache(batch, length)


def padding_is_seen(model):
    """Every token sees a little of the last column, which is padding in the shorter rows."""
    forward = model.forward

    def defect(tokens, cache=None, lengths=None, last_only=False):
        leak = 0.01 * (tokens[:, -1] if lengths is not None else 0 * tokens[:, -1])
        logits = forward(tokens, cache, lengths, last_only)
        return logits + leak.view(-1, *[1] * (logits.ndim - 1))

    model.forward = defect


def neighbours_leak(model):
    model.dropout.forward = lambda x: x + x.mean(dim=0)


def select_forgets_the_order(model):
    new_cache = model.new_cache

    def defect(batch, length):
        cache = new_cache(batch, length)
        select = cache.select
        cache.select = lambda rows: select(rows.sort().values)
        return cache

    model.new_cache = defect


def cut_keeps_one_too_many(model):
    new_cache = model.new_cache

    def defect(batch, length):
        cache = new_cache(batch, length)
        cut = cache.cut
        cache.cut = lambda lengths: cut((lengths + 1).minimum(cache.lengths))
        return cache

    model.new_cache = defect


def past_the_context_positions_repeat(model):
    real_context = model.n_ctx
    forward = model.forward
    model.positions.data = model.positions.data.repeat(2, 1)

    def defect(*args, **options):
        model.n_ctx = 2 * real_context
        try:
            return forward(*args, **options)
        finally:
            model.n_ctx = real_context

    model.forward = defect


def the_full_cache_raises_something_else(model):
    forward = model.forward

    def defect(*args, **options):
        try:
            return forward(*args, **options)
        except ValueError:
            raise IndexError("index out of range") from None

    model.forward = defect


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (future_leaks, "later tokens change nothing"),
        (positions_start_again, "cache equals no cache"),
        (padding_counts, "cache.lengths counts the real tokens"),
        (last_only_means_the_last_column, "last_only gives the logits of each row's last real token"),
        (one_cache_for_all, "two caches do not disturb each other"),
        (padding_is_seen, "a row gives in a batch what it gives alone"),
        (neighbours_leak, "a row gives in a batch what it gives alone"),
        (select_forgets_the_order, "that cache.select kept go on"),
        (cut_keeps_one_too_many, r"rows that cache.cut left \[.*\] tokens of go on as in a fresh cache"),
        (
            past_the_context_positions_repeat,
            "token 49 of a context of 48 is refused: broken, for wanted ValueError .*, got logits",
        ),
        (the_full_cache_raises_something_else, "refused: broken, for wanted ValueError .*, got IndexError"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_planted_defect_is_caught(models, plant, words):
    model = models.Tiny().eval()
    plant(model)
    with pytest.raises(contract.BrokenClaim, match=words):
        contract.check(model)


def test_what_a_model_raises_itself_is_reported_with_the_claim(models):
    def refuse(*arguments, **options):
        raise RuntimeError("mat1 and mat2")

    model = models.Tiny()
    model.forward = refuse
    with pytest.raises(contract.BrokenClaim, match=r"agreed shape: broken, for it raised RuntimeError: mat1"):
        contract.check(model)


def test_an_object_that_is_no_model_is_told_what_it_lacks(models):
    with pytest.raises(contract.BrokenClaim, match=r"GPT2LMHeadModel lacks \['n_ctx', 'n_vocab', 'new_cache'\]"):
        contract.check(models.transformers_gpt2())


def test_gpt2_keeps_the_contract(trained):
    assert "cache equals no cache" in contract.check(trained[0])
