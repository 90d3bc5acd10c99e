"""The load is what was asked for, no more."""

import asyncio

import pytest

from serving.bench.addresses import address
from serving.bench.driving import Load, drive, prompt


def run(urls, load, turns=2):
    return asyncio.run(drive([address(url) for url in urls], load, turns))


def test_requests_are_bounded_and_so_many_run_at_once(scripted):
    scripted.pause = 0.01
    found = run([scripted.url], Load(clients=3, requests=7, tokens=4, fields={"ignore_eos": True}))
    assert [len(turn.good) for turn in found[0]] == [7, 7]
    assert len(scripted.requests) == 1 + 2 * 7  # one before the first turn, untimed
    assert scripted.most == 3
    assert all(request["ignore_eos"] and request["model"] == "scripted" for request in scripted.requests)
    assert found[0][0].tokens_a_second == pytest.approx(7 * 4 / found[0][0].seconds)


def test_no_prompt_comes_twice_and_both_sides_get_the_same(scripted):
    run([scripted.url, scripted.url], Load(clients=1, requests=4, tokens=1))
    prompts = [request["prompt"] for request in scripted.requests]
    assert len(prompts) == 2 + 2 * 2 * 4
    warm, timed = prompts[:2], prompts[2:]
    assert warm[0] == warm[1]
    assert timed[:4] == timed[4:8]
    assert timed[8:12] == timed[12:]
    assert len(set(timed)) == 8
    assert prompt(0, 0, 0, 12) != prompt(1, 0, 0, 12)


def test_refusals_are_counted_and_none_that_is_good_is_an_error(scripted):
    scripted.refuse_after = 4
    found = run([scripted.url], Load(clients=2, requests=6, tokens=2), turns=1)
    assert sorted(answer.status for answer in found[0][0].answers) == [200, 200, 200, 429, 429, 429]
    scripted.refuse_after = 0
    with pytest.raises(ValueError, match="wanted completions, got status 429"):
        run([scripted.url], Load(clients=2, requests=2, tokens=2))


@pytest.mark.parametrize("name", ["clients", "requests", "tokens", "words"])
def test_nothing_is_no_load(name):
    with pytest.raises(ValueError, match=f"{name}: wanted at least 1, got 0"):
        Load(**{name: 0})
