"""A small model whose predictions are far from even, its folder, and a task that it can learn."""

import json
import random
from pathlib import Path

import pytest
import torch

import gpt2

TEXT = "The quick brown fox jumps over the lazy dog. User: what is it? Assistant: a fox, of course.\n" * 20


@pytest.fixture(scope="session")
def tokenizer():
    return gpt2.Tokenizer.train([TEXT], 300)


@pytest.fixture
def model(tokenizer):
    """Weights larger than usual, so that a wrong scale or a missing bias shows in the logits."""
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=48, n_embd=24, n_head=2, n_layer=2, dropout=0.0)
    model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number))
            parameter.add_(0.1 * noise)
    return model.eval()


@pytest.fixture
def folder(model, tokenizer, tmp_path):
    path = tmp_path / "base"
    gpt2.save(path, model, tokenizer)
    return path


@pytest.fixture
def data(tmp_path):
    """Sixty tasks of one kind, as JSON lines."""
    return write_tasks(tmp_path / "tasks.jsonl", 60)


def write_tasks(path: Path, count: int, seed: int = 0) -> Path:
    draw = random.Random(seed)
    words = ["fox", "dog", "quick", "brown", "lazy", "jumps", "over", "the", "course"]
    lines = []
    for number in range(count):
        chosen = [draw.choice(words) for _ in range(3)]
        lines.append({"prompt": f"Turn {number} {' '.join(chosen)}:", "completion": f" {' '.join(reversed(chosen))}"})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def labeled(tmp_path):
    """Sixty texts, labeled by the animal in them, as JSON lines."""
    return write_labeled(tmp_path / "labeled.jsonl", 60)


def write_labeled(path: Path, count: int, seed: int = 0) -> Path:
    draw = random.Random(seed)
    words = ["quick", "brown", "lazy", "jumps", "over", "the", "course"]
    lines = []
    for number in range(count):
        chosen = [draw.choice(words) for _ in range(draw.randrange(1, 6))] + [("fox", "dog")[number % 2]]
        draw.shuffle(chosen)
        lines.append({"text": f"{number} {' '.join(chosen)}", "label": ("a fox", "a dog")[number % 2]})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def pairs(tmp_path):
    """Forty pairs, of which the answer about the fox is preferred, as JSON lines."""
    path = tmp_path / "pairs.jsonl"
    lines = [
        {"prompt": f"Turn {number}:", "chosen": f" the quick fox{' jumps' * (number % 3)}", "rejected": " a lazy dog"}
        for number in range(40)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def shaken():
    """Gives an adapter weights as if it had learned something."""

    def shake(model, seed=3):
        from finetuning import adapter_state

        numbers = torch.Generator().manual_seed(seed)
        for tensor in adapter_state(model).values():
            tensor.add_(0.2 * torch.randn(tensor.shape, generator=numbers))
        return model

    return shake
