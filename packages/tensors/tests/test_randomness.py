import random

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from safetensors.torch import load, save

from tensors import fork_random, generator, random_state, seed_all, set_random_state


def draw():
    return [random.random(), random.gauss(), np.random.rand(), np.random.randn(), *torch.randn(3).tolist()]


def test_a_key_names_the_same_seed_for_ever_and_in_every_process():
    # Text is hashed anew in every process (PYTHONHASHSEED); these numbers stay.
    assert generator(0).initial_seed() == 11980362840778916698
    assert generator(0, "sampling", 7).initial_seed() == 10181433087026375368


keys = st.lists(st.integers() | st.text(), min_size=1, max_size=4).map(tuple)


@given(keys, keys)
def test_different_keys_have_different_seeds(one, other):
    assert (generator(*one).initial_seed() == generator(*other).initial_seed()) == (one == other)


def test_parts_do_not_run_into_each_other():
    seeds = {
        generator(*key).initial_seed()
        for key in [(1, 23), (12, 3), (123,), ("1", 23), ("1", "23"), ("a\nb",), ("a", "b")]
    }
    assert len(seeds) == 7


def test_numpy_integers_are_integers():
    assert generator(np.int32(5)).initial_seed() == generator(5).initial_seed()


def test_seeding_twice_draws_the_same_and_agrees_with_each_library():
    seed_all(11)
    ours = draw()
    seed_all(11)
    assert draw() == ours
    assert ours[0] == random.Random(11).random()
    assert ours[2] == np.random.RandomState(11).rand()
    assert ours[4] == torch.randn(3, generator=torch.Generator().manual_seed(11))[0].item()


@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_a_saved_state_continues_where_it_was(seed, drawn):
    seed_all(seed)
    for _ in range(drawn):
        random.gauss(), np.random.randn()  # an odd number of draws leaves half a pair behind
    state = random_state()
    expected = draw()
    seed_all(0)
    set_random_state(load(save(state)))
    assert draw() == expected


def test_a_refused_state_changes_nothing():
    seed_all(1)
    before = random_state()
    with pytest.raises(ValueError, match="wanted"):
        set_random_state({name: part for name, part in random_state().items() if name != "torch"})
    assert all(torch.equal(part, before[name]) for name, part in random_state().items())


def test_a_state_for_an_absent_device_is_reported(caplog):
    set_random_state(random_state() | {"cuda.99": torch.zeros(16, dtype=torch.uint8)})
    assert "cuda.99" in caplog.text


@pytest.mark.parametrize("key", [(0,), ("augment", 3, 7)])
@pytest.mark.usefixtures("unchecked")
def test_a_fork_draws_by_its_key_and_leaves_no_trace(key):
    seed_all(2)
    expected = draw()
    seed_all(2)
    forked = []
    for _ in range(2):
        with fork_random(*key):
            forked.append(draw())
    assert forked[0] == forked[1]
    assert forked[0] != expected
    assert draw() == expected


@pytest.mark.usefixtures("unchecked")
def test_a_fork_gives_the_state_back_after_an_error_and_nests():
    seed_all(3)
    expected = draw()
    seed_all(3)
    with pytest.raises(KeyError), fork_random("outer"), fork_random("inner"):
        {}[draw()[0]]
    assert draw() == expected


@pytest.mark.usefixtures("unchecked")
def test_a_cuda_device_in_use_takes_part(monkeypatch):
    held = [torch.arange(16, dtype=torch.uint8)]
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: [part.clone() for part in held])
    monkeypatch.setattr(torch.cuda, "set_rng_state_all", lambda parts: held.__setitem__(slice(None), parts))
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda part, device: held.__setitem__(device, part))
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: held[0].fill_(seed % 251))
    state = random_state()
    assert torch.equal(state["cuda.0"], held[0])
    with fork_random("a key"):
        assert len(held[0].unique()) == 1
    assert torch.equal(held[0], state["cuda.0"])
    held[0] = torch.zeros(16, dtype=torch.uint8)
    set_random_state(state)
    assert torch.equal(held[0], state["cuda.0"])


@pytest.mark.gpu
def test_a_real_cuda_generator_continues_where_it_was():
    torch.rand(1, device="cuda")
    state = random_state()
    expected = torch.rand(5, device="cuda")
    with fork_random("a key"):
        torch.rand(3, device="cuda")
    set_random_state(state)
    assert torch.equal(torch.rand(5, device="cuda"), expected)


@pytest.mark.parametrize(
    ("call", "kind", "got"),
    [
        pytest.param(lambda: seed_all(2**32), ValueError, "4294967296", id="seed too large"),
        pytest.param(lambda: seed_all(-1), ValueError, "-1", id="seed negative"),
        pytest.param(lambda: generator(0.5), TypeError, "0.5 (float)", id="key of a float"),
        pytest.param(lambda: generator(), ValueError, "none", id="key of nothing"),
        pytest.param(lambda: fork_random().__enter__(), ValueError, "none", id="fork of nothing"),
        pytest.param(lambda: set_random_state({}), ValueError, "got nothing", id="state without parts"),
        pytest.param(
            lambda: set_random_state({"python": torch.zeros(3)}), ValueError, "float32 (3,)", id="state cut short"
        ),
    ],
)
def test_a_refusal_says_what_was_wanted_what_came_and_what_to_do(call, kind, got, refused):
    refused(call, kind, got)
