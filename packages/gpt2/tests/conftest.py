import pydoc_data.topics
from pathlib import Path

import pytest
import torch

from gpt2 import GPT2, GPT2Config, Tokenizer

torch.set_num_threads(1)

CONFIG = GPT2Config(n_vocab=300, n_ctx=24, n_embd=32, n_head=4, n_layer=3)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Tokenizers kept between runs stay inside the test session."""
    monkeypatch.setenv("TENSORS_TO_GPT2_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def topics() -> list[str]:
    """Real text: CPython's documentation topics."""
    return list(pydoc_data.topics.topics.values())


@pytest.fixture(scope="session")
def text_file(topics, tmp_path_factory) -> Path:
    """About 150 kB of them in one file."""
    path = tmp_path_factory.mktemp("text") / "topics.txt"
    path.write_text("\n".join(topics)[:150_000], encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tokenizer(topics) -> Tokenizer:
    return Tokenizer.train(topics[:20], CONFIG.n_vocab)


@pytest.fixture
def model() -> GPT2:
    """Random weights far larger than the initial ones, so that a wrong number shows in the logits."""
    model = GPT2(CONFIG, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        generator = torch.Generator().manual_seed(2)
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model.eval()


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randint(CONFIG.n_vocab, (3, 20), generator=torch.Generator().manual_seed(3))
