"""A small model with a tokenizer of bytes, and engines around it: one that runs by itself, one turned by hand."""

from threading import Event

import pytest
import torch

import gpt2
from decoding import GenerationSettings
from serving import Engine, Failed, Finished, Job
from serving.engine.loading import loaded


class Bytes:
    """A tokenizer whose ids are bytes, so that most characters come in several."""

    end_of_text, n_vocab = 256, 257

    def encode(self, text):
        return list(text.encode())

    def decode_bytes(self, ids):
        return bytes(token for token in ids if token < 256)


class Client:
    """Keeps what it is told."""

    def __init__(self):
        self.events, self.ended = [], Event()

    def tell(self, event):
        self.events.append(event)
        if isinstance(event, Finished | Failed):
            self.ended.set()

    def pieces(self, row=0):
        return [event for event in self.events if getattr(event, "row", None) == row]

    def text(self, row=0):
        return "".join(piece.text for piece in self.pieces(row))

    def ids(self, row=0):
        return [token for piece in self.pieces(row) for token in piece.ids]

    @property
    def last(self):
        return self.events[-1]


@pytest.fixture(scope="session")
def model():
    torch.manual_seed(0)
    model = gpt2.GPT2(gpt2.GPT2Config(257, 96, 32, 4, n_layer=2)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.1)
    return model


@pytest.fixture(scope="session")
def load(model):
    def load(name="m", rows=3):
        return loaded(name, "here", model, Bytes(), parts={"weights": "0"}, precision="float32", rows=rows)

    return load


@pytest.fixture
def engine(load):
    engine = Engine([load], queue=8)
    engine.wait_until_ready(60)
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def shared(load):
    """An engine for tests that leave nothing behind."""
    engine = Engine([load], queue=8)
    engine.wait_until_ready(60)
    yield engine
    engine.stop()


@pytest.fixture
def by_hand(load, monkeypatch):
    """An engine whose thread does nothing: rounds are what the test calls."""
    monkeypatch.setattr(Engine, "_run", lambda engine, loaders: None)
    engine = Engine([load], queue=8)
    engine.thread.join()
    engine.loaded, engine.phase = {"m": load()}, "ready"
    yield engine
    engine.phase = "stopped"
    engine.compiler.stop(), engine.apart.stop()


@pytest.fixture
def ask():
    def ask(engine, *prompts, **job):
        client, changes = Client(), {"max_new_tokens": 12, **job.pop("settings", {})}
        prompts = tuple(tuple(prompt.encode()) for prompt in prompts)
        job = {"model": "m", "settings": GenerationSettings(**changes), **job}
        client.ticket = engine.submit(Job(prompts=prompts, tell=client.tell, **job))
        return client

    return ask


@pytest.fixture
def answer(ask):
    """Ask, and wait for the end."""

    def answer(engine, *prompts, **job):
        client = ask(engine, *prompts, **job)
        assert client.ended.wait(120)
        return client

    return answer
