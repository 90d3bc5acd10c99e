"""A tiny GPT-2 with a tokenizer, random but loud, so that a wrong number shows."""

import pydoc_data.topics
from pathlib import Path

import pytest
import torch

import quantization
from gpt2 import GPT2, GPT2Config, Tokenizer, save

torch.set_num_threads(1)

CONFIG = GPT2Config(n_vocab=300, n_ctx=48, n_embd=64, n_head=4, n_layer=2)


@pytest.fixture(scope="session")
def text() -> str:
    """Real text: CPython's documentation topics."""
    return "\n".join(pydoc_data.topics.topics.values())[:60_000]


@pytest.fixture(scope="session")
def tokenizer(text) -> Tokenizer:
    return Tokenizer.train([text[:20_000]], CONFIG.n_vocab)


@pytest.fixture(scope="session")
def model() -> GPT2:
    torch.manual_seed(0)
    model = GPT2(CONFIG)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.1)
    return model.eval()


@pytest.fixture(scope="session")
def rows(tokenizer, text) -> list[torch.Tensor]:
    """Four windows of ids."""
    return list(torch.tensor(tokenizer.encode(text[40_000:])[: 48 * 4]).reshape(-1, 48))


@pytest.fixture(scope="session")
def source(model, tokenizer, tmp_path_factory) -> Path:
    """The folder of the model in float."""
    folder = tmp_path_factory.mktemp("model")
    save(folder, model, tokenizer)
    return folder


@pytest.fixture(scope="session")
def text_file(text, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text(text[:30_000], encoding="utf-8")
    return path


@pytest.fixture
def saved(model, tokenizer, tmp_path) -> Path:
    """The folder of the model in int8."""
    quantization.save(tmp_path, quantization.quantize(model), tokenizer)
    return tmp_path
