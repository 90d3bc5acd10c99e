"""Three numbers of one text: what each of them is, and that the dynamic one scores before it learns."""

import copy
import math

import pytest
import torch

import gpt2
from evaluation import perplexity, three_ways

CONFIG = gpt2.GPT2Config(n_vocab=40, n_ctx=16, n_embd=16, n_head=2, n_layer=1)


@pytest.fixture
def model() -> gpt2.GPT2:
    return gpt2.GPT2(CONFIG, generator=torch.Generator().manual_seed(0))


def random_ids(n: int) -> list[int]:
    return torch.randint(40, (n,), generator=torch.Generator().manual_seed(1)).tolist()


def test_plain_and_strided_are_what_they_say_and_the_model_stays(model):
    ids, before = random_ids(100), copy.deepcopy(model.state_dict())
    ways = three_ways(model, ids, 250)
    for way, stride in ((ways.plain, 16), (ways.strided, None)):
        context = 16 if stride else None
        nats = math.log(perplexity(model, ids, stride=stride, context=context)) * 99
        assert way == pytest.approx(nats / math.log(2) / 250)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not any(parameter.grad is not None for parameter in model.parameters())
    assert three_ways(model, ids, 250, rate=0.0).dynamic == pytest.approx(ways.plain)


def test_dynamic_is_sgd_after_each_score_as_torch_does_it(model):
    ids = random_ids(70)
    theirs, total = copy.deepcopy(model), 0.0
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.3)
    for start in range(0, 69, 16):
        window = torch.tensor(ids[start : start + 17])
        loss = torch.nn.functional.cross_entropy(theirs(window[None, :-1])[0], window[1:])
        total += loss.item() * (len(window) - 1)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        optimizer.step()
    assert three_ways(model, ids, 100, rate=0.3).dynamic == pytest.approx(total / math.log(2) / 100, rel=1e-5)


def test_what_comes_again_is_known_and_what_comes_once_is_not(model):
    again = random_ids(16) * 20
    ways = three_ways(model, again, 100)
    assert ways.dynamic < 0.9 * ways.plain
    first = three_ways(model, again[:17], 100)
    assert first.dynamic == pytest.approx(first.plain), "no window is learned from before it is scored"


def test_what_cannot_be_read_in_three_ways(model):
    for ids, rate, said in (([1], 0.1, "at least 2 tokens"), ([1, 2], -1.0, "wanted a rate of 0 or more, got -1.0")):
        with pytest.raises(ValueError, match=said):
            three_ways(model, ids, 3, rate=rate)
    with pytest.raises(ValueError, match="wanted a model that can go on learning, got Linear"):
        three_ways(torch.nn.Linear(2, 2), [1, 2], 3)
