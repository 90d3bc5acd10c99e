"""Saved models that the command continues."""

import pytest
import torch

import gpt2


def saved_model(path, n_ctx):
    """A saved GPT-2 with random weights; its text is gibberish in which many characters are cut."""
    tokenizer = gpt2.Tokenizer.train(["Grüße aus 世界 🙂, the cat and the hat"] * 3, 270)
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=n_ctx, n_embd=16, n_head=2, n_layer=1)
    gpt2.save(path, gpt2.GPT2(config, generator=torch.Generator().manual_seed(0)), tokenizer)
    return str(path)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return saved_model(tmp_path_factory.mktemp("model"), n_ctx=2000)


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A model whose context is soon full."""
    return saved_model(tmp_path_factory.mktemp("small"), n_ctx=64)


@pytest.fixture(scope="session")
def short(tmp_path_factory):
    """A model whose context is full after a few words."""
    return saved_model(tmp_path_factory.mktemp("short"), n_ctx=20)


@pytest.fixture(scope="session")
def tireless(tmp_path_factory):
    """A model that can go on for minutes: whoever ends it early has interrupted it."""
    return saved_model(tmp_path_factory.mktemp("tireless"), n_ctx=100_000)
