"""Sound models keep the contract; each planted defect is caught by the claim that it breaks."""

import math

import pytest
import torch

from decoding import contract
from decoding.distribution import truncation


@pytest.fixture
def sound_models(models):
    return [models.Tiny(), models.Tiny(n_ctx=3), models.Transformers(models.transformers_gpt2())]


def test_sound_models_pass(sound_models):
    for model in sound_models:
        held = contract.check(model)
        assert "an earlier token changes later logits" in held
        assert held.not_judged == ("which logits these are (pass reference=)",)


def test_a_table_of_pairs_passes_where_nobody_asks_for_more(models):
    table = models.Table(torch.randn(9, 9, generator=torch.Generator().manual_seed(0)), n_ctx=12)
    held = contract.check(table, context=False, reference=lambda tokens: table.table[tokens])
    assert "the logits are those of the reference" in held
    assert held.not_judged == ("whether tokens matter (leave out context=False)",)


def test_a_model_that_begins_with_zeros_is_not_taken_for_deaf(models):
    model = models.Tiny()
    torch.nn.init.zeros_(model.out)
    assert "an earlier token changes later logits" in contract.check(model)


def test_the_logits_are_held_to_those_of_transformers(models):
    theirs = models.transformers_gpt2()
    held = contract.check(models.Transformers(theirs), reference=lambda tokens: theirs(tokens).logits)
    assert held.not_judged == ()


def test_a_model_in_training_passes_and_goes_on_training(models):
    model = models.Tiny().train()
    contract.check(model)
    assert model.training
    assert model.dropout.training


def test_checking_leaves_the_random_state_alone(models):
    before = torch.get_rng_state()
    contract.check(models.Table(torch.zeros(5, 5), n_ctx=8), context=False)
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


def looks_at_itself_alone(model):
    model.visible = lambda slots, positions: slots == positions


def does_not_look_at_itself(model):
    """Each token's logits are those of the text before it, the first one's those of id 0."""
    forward = model.forward

    def defect(tokens, cache=None, lengths=None, last_only=False):
        start = torch.zeros(len(tokens), 1, dtype=torch.int64) if cache is None else cache.before
        if cache is not None:
            real = torch.full((len(tokens),), tokens.shape[1]) if lengths is None else lengths
            cache.before = tokens[torch.arange(len(tokens)), real - 1][:, None]
        return forward(torch.cat([start, tokens[:, :-1]], dim=1), cache, lengths, last_only)

    model.forward = defect
    new_cache = model.new_cache

    def remembering(batch, length):
        cache = new_cache(batch, length)
        cache.before = torch.zeros(batch, 1, dtype=torch.int64)
        select = cache.select
        cache.select = lambda rows: (select(rows), setattr(cache, "before", cache.before[rows]))
        return without_cut(cache)

    model.new_cache = remembering


class without_cut:
    """A cache that is not for cutting."""

    def __init__(self, cache):
        self.__dict__["cache"] = cache

    def __getattr__(self, name):
        if name == "cut":
            raise AttributeError(name)
        return getattr(self.cache, name)

    def __setattr__(self, name, value):
        setattr(self.cache, name, value)


def always_the_same(model):
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    forward = model.forward
    model.forward = lambda *arguments, **options: 0 * forward(*arguments, **options)


def no_rows_but_the_first_in_time(model):
    """Drops the batch from the logits."""
    forward = model.forward
    model.forward = lambda *arguments, **options: forward(*arguments, **options)[:1]


def cache_advances_twice(model):
    new_cache = model.new_cache

    def defect(batch, length):
        cache = new_cache(batch, length + 8)
        advance = cache.advance
        cache.advance = lambda time, lengths=None: (advance(time, lengths), advance(1) if time > 1 else None)
        return cache

    model.new_cache = defect


PLANTED = [
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
    (looks_at_itself_alone, "an earlier token changes later logits: broken, for token 0 was every other id"),
    (does_not_look_at_itself, "a token changes its own logits: broken, for token 0 was every other id"),
    (always_the_same, "a token changes its own logits"),
    (no_rows_but_the_first_in_time, "logits have the shape"),
    (cache_advances_twice, "cache equals no cache"),
]


@pytest.mark.parametrize(("plant", "words"), PLANTED, ids=lambda value: value.__name__ if callable(value) else "")
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


def ids_off_by_one(model):
    forward = model.forward
    model.forward = lambda *arguments, **options: forward(*arguments, **options).roll(1, -1)


def not_scaled(model):
    model.qkv.data[:, :16] *= (16 / 2) ** 0.5


def positions_from_one(model):
    model.positions.data = model.positions.data.roll(-1, 0)


OFF = [ids_off_by_one, not_scaled, positions_from_one]


@pytest.mark.parametrize("slip", OFF, ids=lambda slip: slip.__name__)
def test_a_model_that_every_claim_passes_is_caught_by_the_reference(models, slip):
    model, right = models.Tiny(), models.Tiny()
    slip(model)
    contract.check(model)
    with pytest.raises(contract.BrokenClaim, match=r"^the logits are those of the reference: broken, for wanted"):
        contract.check(model, reference=right.eval())


def by_sorting(logits, temperature=1.0, top_k=None, top_p=None, *, crossing=True, softmax=None):
    """Right in plain steps, unless told otherwise."""
    chances = (softmax or torch.softmax)(logits / temperature, -1)
    chances, ids = chances.sort(descending=True)
    kept = torch.ones_like(chances, dtype=torch.bool)
    if top_k is not None:
        kept[top_k:] = False
    if top_p is not None:
        kept &= chances.cumsum(0) - (chances if crossing else 0) < top_p
    return torch.zeros_like(chances).index_put((ids,), chances * kept / (chances * kept).sum().clamp(min=1e-30))


def ours(logits, temperature=1.0, top_k=None, top_p=None):
    rows = truncation.temperature(logits[None], temperature)
    rows = rows if top_k is None else truncation.top_k(rows, top_k)
    return (rows if top_p is None else truncation.top_p(rows, top_p))[0].softmax(-1)


def number_by_number(logits, **settings):
    """Right, in Python's own numbers."""
    [(name, value)] = list(settings.items()) or [("temperature", 1.0)]
    numbers = [x / (value if name == "temperature" else 1.0) for x in logits.tolist()]
    parts = [math.exp(x - max(numbers)) for x in numbers]
    left, kept = sorted(range(len(parts)), key=lambda i: -parts[i]), []
    while left and (
        name == "temperature" or (len(kept) if name == "top_k" else sum(parts[i] for i in kept) / sum(parts)) < value
    ):
        kept.append(left.pop(0))
    return torch.tensor([part / sum(parts[i] for i in kept) if i in kept else 0.0 for i, part in enumerate(parts)])


def theirs(logits, temperature=1.0, top_k=None, top_p=None):
    """transformers' own warpers."""
    from transformers.generation import logits_process

    rows, tokens = logits[None] / temperature, torch.zeros(1, 1, dtype=torch.int64)
    rows = rows if top_k is None else logits_process.TopKLogitsWarper(top_k)(tokens, rows)
    return (rows if top_p is None else logits_process.TopPLogitsWarper(top_p)(tokens, rows))[0].softmax(-1)


@pytest.mark.parametrize("function", [ours, theirs, by_sorting, number_by_number], ids=lambda f: f.__name__)
def test_right_probabilities_keep_every_claim(function):
    held = contract.check_probabilities(function)
    assert set(held) == set(CHOICES.values())
    assert held.not_judged == ("in which order temperature, top-k and top-p come, where several are set",)


def drops_the_crossing_token(logits, **settings):
    return by_sorting(logits, **settings, crossing=False)


def not_renormalized(logits, **settings):
    chances = logits.softmax(-1) if "temperature" not in settings else by_sorting(logits, **settings)
    return chances * (by_sorting(logits, **settings) > 0)


def multiplies_by_temperature(logits, temperature=1.0, **settings):
    return by_sorting(logits * temperature, **settings)


def temperature_of_probabilities(logits, temperature=1.0, **settings):
    return by_sorting(logits, **settings) / temperature


def one_too_many(logits, top_k=None, **settings):
    return by_sorting(logits, top_k=top_k and top_k + 1, **settings)


def keeps_the_first(logits, top_k=None, **settings):
    """The first k ids instead of the likeliest."""
    return by_sorting(
        logits if top_k is None else logits.masked_fill(torch.arange(len(logits)) >= top_k, -1e9), **settings
    )


def keeps_what_is_above_p(logits, top_p=None, **settings):
    """Takes top-p for a smallest probability."""
    chances = by_sorting(logits, **settings)
    chances = chances * (chances >= (1 - top_p if top_p else 0.0))
    return chances / chances.sum().clamp(min=1e-30)


def not_sorted(logits, top_p=None, **settings):
    """Adds up in the order of the vocabulary."""
    chances = by_sorting(logits, **settings)
    chances = chances * (chances.cumsum(0) - chances < (top_p or 2.0))
    return chances / chances.sum()


def not_put_back(logits, top_p=None, **settings):
    """Leaves the probabilities in sorted order."""
    chances = by_sorting(logits, top_p=top_p, **settings)
    return chances if top_p is None else chances.sort(descending=True).values


def without_a_maximum(logits, **settings):
    return by_sorting(logits, **settings, softmax=lambda x, _: x.exp() / x.exp().sum())


def divides_in_place(logits, temperature=1.0, **settings):
    return by_sorting(logits.div_(temperature), **settings)


def log_probabilities(logits, **settings):
    return by_sorting(logits, **settings).log()


CHOICES = {
    log_probabilities: "without settings it is the softmax",
    divides_in_place: "the logits are left as they were",
    multiplies_by_temperature: "temperature divides the logits",
    temperature_of_probabilities: "temperature divides the logits",
    one_too_many: "top k keeps the k likeliest",
    keeps_the_first: "top k keeps the k likeliest",
    not_renormalized: "top k keeps the k likeliest",
    drops_the_crossing_token: "top p keeps the token that crosses it",
    keeps_what_is_above_p: "top p keeps the token that crosses it",
    not_sorted: "top p keeps the token that crosses it",
    not_put_back: "top p keeps the token that crosses it",
    without_a_maximum: "large logits stay finite",
}


@pytest.mark.parametrize("wrong", CHOICES, ids=lambda wrong: wrong.__name__)
def test_a_wrong_choice_is_caught_by_the_claim_that_names_it(wrong):
    with pytest.raises(contract.BrokenClaim, match=r"Smallest input that shows it: logits \[") as broken:
        contract.check_probabilities(wrong)
    assert broken.value.claim == CHOICES[wrong]


WRONG = [*PLANTED, *OFF, *CHOICES]


def test_the_wrong_ones_are_counted():
    assert len(WRONG) == 31
