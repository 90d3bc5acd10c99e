"""Models to score with: one that shows only its logits, a table of them, and a tokenizer of bytes."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

import gpt2


class OnlyLogits(nn.Module):
    """A model of which one sees what the protocol asks for, and no final states."""

    def __init__(self, model):
        super().__init__()
        self.model, self.n_ctx, self.n_vocab = model, model.n_ctx, model.n_vocab

    def new_cache(self, batch, length):
        return self.model.new_cache(batch, length)

    def forward(self, tokens, cache=None, lengths=None, last_only=False):
        return self.model(tokens, cache, lengths, last_only)


class TableModel:
    """No module of torch; the next token depends on the last alone: row t of `table` holds the logits after token t."""

    def __init__(self, table, n_ctx=1000):
        self.table, self.n_ctx, self.n_vocab = table, n_ctx, table.shape[1]

    def new_cache(self, batch, length):
        return SimpleNamespace(lengths=torch.zeros(batch, dtype=torch.int64))

    def __call__(self, tokens, cache=None, lengths=None, last_only=False):
        return self.table[tokens]


class ByteTokenizer:
    """One id per byte and one for end of text."""

    end_of_text, n_vocab = 256, 257

    def encode(self, text):
        return list(text.encode())

    def decode_bytes(self, ids):
        return b"".join(b"<|endoftext|>" if token == self.end_of_text else bytes([token]) for token in ids)


def random_model(n_vocab, n_ctx, *, scale, seed=0, n_embd=16, n_layer=2, dropout=0.0):
    """A GPT-2 with random weights, `scale` times as large as they are drawn, so that it is sure of some tokens."""
    config = gpt2.GPT2Config(n_vocab=n_vocab, n_ctx=n_ctx, n_embd=n_embd, n_head=2, n_layer=n_layer, dropout=dropout)
    model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(seed))
    for parameter in model.parameters():
        parameter.data.mul_(scale)
    return model


@pytest.fixture(scope="session")
def models():
    """The kinds of model by name, for tests that build their own."""
    return SimpleNamespace(OnlyLogits=OnlyLogits, Table=TableModel, random=random_model)


@pytest.fixture(scope="session")
def tokenizer():
    return ByteTokenizer()
