"""A tiny GPT-2 with a tokenizer, random but loud, so that a wrong number shows."""

import pydoc_data.topics

import pytest
import torch

from gpt2 import GPT2, GPT2Config, Tokenizer

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
