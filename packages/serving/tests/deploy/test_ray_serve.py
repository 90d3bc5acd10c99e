"""What a replica on Ray Serve runs: the engine under the web half, without Ray itself."""

import asyncio
import importlib.util
import sys
import types
from pathlib import Path

import httpx
import pytest

from gpt2 import GPT2, GPT2Config, Tokenizer, save

FILE = Path(__file__).parents[2] / "deploy" / "ray_serve.py"


class Deployment:
    def __init__(self, answering):
        self.answering = answering

    def bind(self):
        return self


@pytest.fixture
def answering(monkeypatch):
    """The builder of the deployment's file, whose `ray.serve` hands it on."""
    serve = types.SimpleNamespace(
        ingress=lambda builder: lambda: builder, deployment=lambda builder, **settings: Deployment(builder)
    )
    ray = types.ModuleType("ray")
    ray.serve = serve
    monkeypatch.setitem(sys.modules, "ray", ray)
    specification = importlib.util.spec_from_file_location("ray_serve", FILE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.application.answering


def test_a_replica_answers_completions(answering, tmp_path, monkeypatch):
    tokenizer = Tokenizer.train(["the cat and the hat and the bat " * 20], 280)
    save(tmp_path / "m", GPT2(GPT2Config(tokenizer.n_vocab, 64, 32, 4, 1)), tokenizer)
    monkeypatch.setenv("MODEL", str(tmp_path / "m"))
    application = answering()

    async def ask():
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://replica", timeout=60) as client:
            body = {"prompt": "the cat", "max_tokens": 5, "seed": 1, "stop_at_end_of_text": False}
            return [await client.post("/v1/completions", json=body) for _ in range(2)]

    one, again = asyncio.run(ask())
    assert one.status_code == 200
    assert one.json()["usage"]["completion_tokens"] == 5
    assert one.json()["choices"] == again.json()["choices"]
