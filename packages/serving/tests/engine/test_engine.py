"""What the engine promises: the same text under any load, places freed within a step, nothing lost on the way out."""

import random
import time
from threading import Thread

import pytest
import torch
from torch.nn.functional import log_softmax

from decoding import GenerationSettings, best_of, generate, generate_ids, samples
from serving import Draining, Failed, Finished, Form, Full, Guidance, PromptScores, UnknownModel

TEXTS = ["a", "the quick brown fox", "Übergrößen naïve", "x" * 70, "{", "0123456789" * 4, "die Katze"]


def random_job(chance):
    drawn = [{}, {"temperature": 0}, {"top_p": 0.9, "seed": 1}, {"repetition_penalty": 1.3}, {"stop": ("e", "\n")}]
    settings = {"seed": chance.randrange(50), "log_probabilities": 2, **chance.choice(drawn)}
    settings["max_new_tokens"] = chance.randint(1, 12)
    prompts = chance.sample(TEXTS, chance.choice([1, 1, 1, 2]))
    return prompts, {"settings": settings, "samples": chance.choice([1, 1, 2])}


def insist(ask, engine, prompts, job):
    """Ask until there is room."""
    while True:
        try:
            return ask(engine, *prompts, **job)
        except Full:
            time.sleep(0.002)


@pytest.mark.parametrize("count", [12, pytest.param(1000, marks=pytest.mark.slow)])
def test_no_request_gets_another_text_among_random_neighbors(shared, ask, answer, count):
    chance = random.Random(count)
    jobs = [random_job(chance) for _ in range(count)]
    clients = [None] * count

    def send(first):
        for number in range(first, count, 4):
            clients[number] = insist(ask, shared, *jobs[number])
            if number % 7 == 0:
                insist(ask, shared, ["the neighbor"], {}).ticket.cancel()

    threads = [Thread(target=send, args=(first,)) for first in range(4)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    assert all(client.ended.wait(300) for client in clients)
    while shared.works:  # the neighbors
        time.sleep(0.002)
    for client, (prompts, job) in zip(clients, jobs, strict=True):
        alone = answer(shared, *prompts, **job)
        for row in range(len(prompts) * job["samples"]):
            for part in ("ids", "text", "log_probabilities", "likeliest", "finish_reason"):
                seen, wanted = ([getattr(piece, part) for piece in one.pieces(row)] for one in (client, alone))
                assert seen == wanted


def state_of(client):
    rows = [told.row for told in client.ticket.rows]
    if any(row.ids for row in rows):
        return "writing"
    return "not let in" if not rows else "in its prompt" if any(row.began for row in rows) else "queued"


@pytest.mark.parametrize("count", [16, pytest.param(200, marks=pytest.mark.slow)])
def test_whoever_leaves_has_no_place_after_a_step(by_hand, ask, count):
    chance, engine, clients = random.Random(count), by_hand, []
    batch, states = engine.loaded["m"].batch, ["not let in", "queued", "in its prompt", "writing"]
    for turn in range(count):
        client = None
        while client is None:
            while len(clients) < 8:
                text, rows = chance.choice([*TEXTS, "y" * 75, "z" * 70, "-" * 80]), chance.choice([1, 2])
                try:
                    clients.append(ask(engine, text, settings={"max_new_tokens": 20}, samples=rows))
                except Full:
                    break
            client = next((client for client in clients if state_of(client) == states[turn % 4]), None)
            if client is None:
                engine._round()
                clients = [client for client in clients if not client.ticket.done]
        told = len(client.events)
        client.ticket.cancel(), client.ticket.cancel()
        engine._round()
        rows = [told.row for told in client.ticket.rows]
        assert not [row for row in (*batch.rows, *batch.waiting) if row in rows and row.finish_reason is None]
        assert all(row is None or row not in rows or batch.waiting.wants(row.prompt) for row in batch.places.seats)
        assert isinstance(client.last, Finished)
        assert client.ticket not in engine.works
        assert not [event for event in client.events[told:] if getattr(event, "ids", ())]
        clients = [client for client in clients if not client.ticket.done]
    while engine._round():
        pass
    assert (engine.stats.running, engine.stats.queued) == (0, 0)
    assert engine.stats.jobs["cancelled"] == count


def test_ten_times_too_many_get_an_answer_or_are_sent_away(engine, ask):
    memory = [stored.data_ptr() for stored in engine.loaded["m"].batch.places.cache.cache.whole]
    clients, full, most = [], [], 0
    for number in range(110):
        try:
            clients.append(ask(engine, TEXTS[number % 7], settings={"seed": number}))
        except Full as error:
            full.append(error.retry_after)
        most = max(most, engine.stats.queued)
    assert len(clients) + len(full) == 110
    assert len(clients) >= 11
    assert len(full) > 20
    assert all(1 <= seconds <= 600 for seconds in full)
    assert most <= 8 + 3
    for client in clients:
        assert client.ended.wait(120)
        assert isinstance(client.last, Finished)
        assert len(client.ids()) == 12 or client.pieces()[-1].finish_reason == "end_of_text"
    assert engine.works == []
    assert [stored.data_ptr() for stored in engine.loaded["m"].batch.places.cache.cache.whole] == memory
    assert (engine.stats.jobs["full"], engine.stats.jobs["finished"]) == (len(full), len(clients))


def test_draining_finishes_what_there_is_and_takes_nothing_new(by_hand, ask):
    clients = [ask(by_hand, text) for text in TEXTS[:5]]
    by_hand._round()
    drained = []
    thread = Thread(target=lambda: drained.append(by_hand.drain(60)))
    thread.start()
    while by_hand.state != "draining":
        time.sleep(0.001)
    with pytest.raises(Draining):
        ask(by_hand, "more")
    while by_hand._round():
        pass
    thread.join()
    assert drained == [True]
    assert all(client.pieces()[-1].finish_reason in ("max_new_tokens", "end_of_text") for client in clients)


def test_what_outlasts_the_drain_ends_as_cancelled_with_all_that_was_written(engine, ask):
    clients = [ask(engine, text, settings={"max_new_tokens": 90, "stop_at_end_of_text": False}) for text in "abcdef"]
    while len(clients[0].ids()) < 3:
        time.sleep(0.001)
    assert engine.drain(0) is False
    for client in clients:
        assert isinstance(client.last, Finished)
        assert client.pieces()[-1].finish_reason == "cancelled"
    assert len(clients[0].ids()) >= 3
    assert engine.state == "draining"


def test_a_job_that_is_late_ends_alone(by_hand, ask):
    late = ask(by_hand, "a", deadline=0.0)
    other = ask(by_hand, "b")
    time.sleep(0.001)
    while by_hand._round():
        pass
    assert late.last == Failed(late.last.message, "late")
    assert "before the deadline" in late.last.message
    running = ask(by_hand, "a", settings={"max_new_tokens": 50, "stop_at_end_of_text": False}, deadline=3600)
    by_hand._round(), by_hand._round()
    running.ticket.deadline = 0.0
    by_hand._round()
    assert running.pieces()[-1].finish_reason == "deadline"
    assert isinstance(running.last, Finished)
    assert isinstance(other.last, Finished)
    assert by_hand.stats.jobs["late"] == 2


def test_a_failing_job_fails_alone(engine, answer, ask, monkeypatch):
    wanted = answer(engine, "hello").text()
    with monkeypatch.context() as without_extra:

        def lacks(*_):
            raise ImportError("wanted llguidance, got no such module; install decoding[grammar]")

        without_extra.setattr("serving.engine.engine.compiled", lacks)
        bad = answer(engine, "hello", form=Form("regex", "[a]"))
    assert (type(bad.last), bad.last.kind) == (Failed, "refused")
    assert "install decoding[grammar]" in bad.last.message
    batch = engine.loaded["m"].batch
    advance = batch.advance

    def fails():
        monkeypatch.setattr(batch, "advance", advance)
        raise MemoryError

    monkeypatch.setattr(batch, "advance", fails)
    broken = answer(engine, "hello")
    assert (type(broken.last), broken.last.kind) == (Failed, "memory")

    def raises(event):
        raise RuntimeError("of the listener")

    deaf = ask(engine, "hello")
    object.__setattr__(deaf.ticket.job, "tell", raises)
    assert answer(engine, "hello").text() == wanted
    assert engine.state == "ready"


def test_pieces_make_up_what_generate_writes(shared, answer, model):
    tokenizer = shared.models["m"].tokenizer
    for seed, stop in ((1, ()), (2, ("e", "Z")), (3, ("\x80",))):
        settings = {"max_new_tokens": 24, "seed": seed, "stop": stop}
        client = answer(shared, "Käse", settings=settings)
        wanted = generate(model, tokenizer, ["Käse"], GenerationSettings(**settings))[0]
        assert (client.text(), tuple(client.ids())) == (wanted.text, wanted.ids)
        assert client.pieces()[-1].finish_reason == wanted.finish_reason
        assert client.last.usage.new_tokens == len(wanted.ids)


def test_what_may_begin_a_stop_string_is_held_back(shared, answer):
    settings = {"max_new_tokens": 16, "seed": 5, "stop_at_end_of_text": False}
    settings["banned"] = tuple((n,) for n in range(128, 256))  # one byte a character
    free = answer(shared, "fox", settings=settings).text()
    stop = free[6:9]
    client = answer(shared, "fox", settings={**settings, "stop": (stop,)})
    assert (client.text(), client.pieces()[-1].finish_reason) == (free[: free.index(stop)], "stop")


@pytest.mark.parametrize("text", ["ab", "x" * 65, "the quick brown fox", "y" * 96])
def test_prompts_are_scored_as_the_model_scores_them(shared, answer, model, text):
    client = answer(shared, text, "b", only_prompt=True, prompt_log_probabilities=3)
    first, second = sorted(client.events[:2], key=lambda scores: scores.prompt)
    last = client.events[2]
    assert (second, type(last)) == (PromptScores(1, (None,), ((),)), Finished)
    wanted = log_softmax(model(torch.tensor([list(text.encode())]))[0].detach(), dim=-1)
    assert (first.prompt, first.log_probabilities[0], len(first.log_probabilities)) == (0, None, len(text))
    for place, (own, likeliest) in enumerate(zip(first.log_probabilities[1:], first.likeliest[1:], strict=True)):
        assert own == pytest.approx(wanted[place, text.encode()[place + 1]].item(), abs=1e-5)
        values, ids = wanted[place].topk(3)
        assert [token for token, _ in likeliest] == ids.tolist()
        assert [value for _, value in likeliest] == pytest.approx(values.tolist(), abs=1e-5)
        if likeliest[0][0] == text.encode()[place + 1]:
            assert likeliest[0][1] == own
    assert last.usage.new_tokens == 0


def test_a_scored_prompt_is_continued_as_others_are(shared, answer):
    for text in ("a", "the quick brown fox"):
        scored = answer(shared, text, prompt_log_probabilities=0, samples=2)
        assert isinstance(scored.events[0], PromptScores)
        assert [scored.text(row) for row in (0, 1)] == [answer(shared, text, samples=2).text(row) for row in (0, 1)]


@pytest.mark.parametrize(
    "settings",
    [
        {"beams": 3, "temperature": 0},
        {"beams": 2, "temperature": 0.8, "seed": 4},
        {"penalty_alpha": 0.6, "top_k": 4, "temperature": 0},
        {"prompt_lookup_tokens": 3, "temperature": 0},
    ],
)
def test_other_methods_write_what_generate_ids_writes_while_the_batch_goes_on(shared, ask, answer, model, settings):
    neighbor = ask(shared, "b", settings={"max_new_tokens": 24, "stop_at_end_of_text": False})
    client = answer(shared, "fox", "Katze", settings={"max_new_tokens": 7, **settings}, prompt_log_probabilities=0)
    assert [type(event).__name__ for event in client.events] == ["PromptScores"] * 2 + ["Piece"] * 2 + ["Finished"]
    for row, text in enumerate(("fox", "Katze")):
        chosen = GenerationSettings(max_new_tokens=7, **settings)
        wanted = generate_ids(model, [list(text.encode())], chosen, end_of_text=256, first_row=row)[0]
        assert tuple(client.ids(row)) == wanted.ids
    assert neighbor.ended.wait(60)
    assert neighbor.ids() == answer(shared, "b", settings={"max_new_tokens": 24, "stop_at_end_of_text": False}).ids()


def test_best_beams_are_told_as_samples_and_guidance_guides(shared, answer, model):
    client = answer(shared, "fox", settings={"beams": 4, "temperature": 0, "max_new_tokens": 6}, samples=3)
    scores = [client.pieces(row)[0].score for row in range(3)]
    assert scores == sorted(scores, reverse=True)
    plain, guided = (
        answer(shared, "fox", settings={"temperature": 0}, guidance=guidance).ids()
        for guidance in (None, Guidance(3.0, (97, 98)))
    )
    assert plain != guided
    assert answer(shared, "fox", settings={"temperature": 0}, guidance=Guidance(1.0)).ids() == plain


def test_a_search_whose_client_leaves_ends_between_two_calls(by_hand, ask):
    client = ask(
        by_hand, "fox", settings={"beams": 3, "temperature": 0, "max_new_tokens": 60, "stop_at_end_of_text": False}
    )
    while not by_hand.apart.turns.asked:
        by_hand._round()
    assert by_hand._round()
    client.ticket.cancel()
    while not client.ended.wait(0.01):
        by_hand._round()
    assert client.pieces()[-1].finish_reason == "cancelled"
    assert isinstance(client.last, Finished)
    waiting = ask(by_hand, "fox", settings={"beams": 2, "temperature": 0})
    while not waiting.ended.wait(0.01):
        by_hand._round()
    assert len(waiting.ids()) > 0


def test_the_best_of_candidates_are_told(shared, answer, model):
    settings = {"seed": 7, "max_new_tokens": 6}
    client = answer(shared, "fox", settings=settings, samples=2, candidates=5)
    drawn = samples(model, list(b"fox"), GenerationSettings(**settings), 5, end_of_text=256)
    assert tuple(client.ids(0)) == best_of(drawn).ids
    assert client.pieces(0)[0].score >= client.pieces(1)[0].score
    assert client.last.usage.new_tokens == sum(len(one.ids) for one in drawn)
    assert len(answer(shared, "fox", settings=settings, candidates=5, choose="consensus").pieces()) == 1


@pytest.mark.extras
def test_every_row_of_a_form_matches_it(shared, answer):
    bad = answer(shared, "hello", form=Form("regex", "[a"))
    assert (type(bad.last), bad.last.kind) == (Failed, "refused")
    assert "wanted a regular expression" in bad.last.message
    client = answer(shared, "a", settings={"max_new_tokens": 30}, samples=3, form=Form("regex", "[0-9]{3}-[xy]+z"))
    for row in range(3):
        text = client.text(row)
        assert text[:3].isdigit()
        assert set(text[4:]) <= set("xyz")
    schema = Form("json_schema", '{"type": "boolean"}')
    assert answer(shared, "a", settings={"beams": 2, "temperature": 0}, form=schema).text() in ("true", "false")


def test_what_cannot_be_done_is_refused_before_it_is_taken(shared, ask):
    for changes, words in (
        ({"model": "n"}, "wanted one of the models m, got 'n'"),
        ({"samples": 0}, "wanted samples of 1 or more"),
        ({"candidates": 1, "samples": 2}, "wanted at least as many candidates as samples"),
        ({"candidates": 3, "settings": {"temperature": 0}}, "wanted settings that draw"),
        ({"candidates": 3, "samples": 2, "choose": "consensus"}, "wanted one sample"),
        ({"settings": {"beams": 2}, "samples": 3}, "wanted at most as many samples as beams"),
        ({"settings": {"banned": ((300,),)}}, "wanted ids from 0 to 256"),
        ({"prompt_log_probabilities": -1}, "wanted prompt_log_probabilities of 0 or more"),
    ):
        with pytest.raises(ValueError, match=words):
            ask(shared, "a", **changes)
    with pytest.raises(UnknownModel):
        ask(shared, "a", model="n")
    with pytest.raises(ValueError, match="wanted one or more prompts"):
        ask(shared)
    with pytest.raises(ValueError, match=r"wanted prompts of 1 to 96 tokens .*, got 97 in prompt 2 of 2"):
        ask(shared, "a", "b" * 97)
    assert shared.works == []


def test_several_models_answer_at_once_and_one_that_cannot_be_loaded_breaks_the_engine(load, ask, answer):
    from serving import Engine

    engine = Engine([lambda: load("m"), lambda: load("other", rows=1)])
    engine.wait_until_ready(60)
    assert list(engine.models) == ["m", "other"]
    clients = [ask(engine, "fox", model=name, settings={"temperature": 0}) for name in ("m", "other", "m")]
    assert all(client.ended.wait(60) for client in clients)
    assert clients[0].ids() == clients[1].ids() == clients[2].ids()
    engine.stop()
    assert engine.state == "stopped"

    def missing():
        raise ValueError("wanted a model, got none; give one")

    broken = Engine([missing])
    with pytest.raises(RuntimeError, match="wanted a model, got none"):
        broken.wait_until_ready(60)
    assert (broken.state, broken.problem) == ("broken", "wanted a model, got none; give one")
    broken.stop()
