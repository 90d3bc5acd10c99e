"""A small GPT-2, random but loud, with a tokenizer that was trained, and more rows than that has ids."""

import pydoc_data.topics
from pathlib import Path

import pytest
import torch

from gpt2 import GPT2, GPT2Config, Tokenizer, save

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(["\n".join(pydoc_data.topics.topics.values())[:40_000]], 500)


@pytest.fixture(scope="session")
def model(tokenizer: Tokenizer) -> GPT2:
    config = GPT2Config(n_vocab=tokenizer.n_vocab + 3, n_ctx=1024, n_embd=64, n_head=4, n_layer=2)
    draws = torch.Generator().manual_seed(0)
    model = GPT2(config, generator=draws).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draws) * 0.1)
    return model


@pytest.fixture(scope="session")
def source(model: GPT2, tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "m"
    save(folder, model, tokenizer)
    return folder
