"""Models to decode: a tiny one of our own, a transformers GPT-2 behind an adapter, a table of probabilities."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

import gpt2
from attention import KeyValueCache


class TinyModel(nn.Module):
    """One attention layer over torch alone; big random weights, so that every token and position matters."""

    def __init__(self, n_vocab=23, n_ctx=48, n_embd=16, n_head=2, seed=0):
        super().__init__()
        self.n_vocab, self.n_ctx, self.n_embd, self.n_head = n_vocab, n_ctx, n_embd, n_head
        generator = torch.Generator().manual_seed(seed)

        def weights(*shape):
            return nn.Parameter(torch.randn(*shape, generator=generator) * 0.7)

        self.tokens, self.positions = weights(n_vocab, n_embd), weights(n_ctx, n_embd)
        self.qkv, self.out = weights(n_embd, 3 * n_embd), weights(n_embd, n_embd)
        self.dropout = nn.Dropout(0.3)

    def new_cache(self, batch, length):
        return KeyValueCache(1, batch, self.n_head, length, self.n_embd // self.n_head)

    def visible(self, slots, positions):
        return slots <= positions

    def forward(self, tokens, cache=None, lengths=None, last_only=False):
        batch, time = tokens.shape
        real = torch.full((batch,), time) if lengths is None else lengths
        start = torch.zeros_like(real) if cache is None else cache.lengths
        if (start + real).max() > self.n_ctx:
            raise ValueError(f"wanted at most {self.n_ctx} positions, got {(start + real).max()}; shorten the text")
        positions = start[:, None] + torch.arange(time)
        x = self.dropout(self.tokens[tokens] + self.positions[positions.clamp(max=self.n_ctx - 1)])
        q, k, v = ((x @ self.qkv).view(batch, time, 3, self.n_head, -1).permute(2, 0, 3, 1, 4)).unbind()
        if cache is not None:
            k, v = cache.layer(0).write(k, v)
            cache.advance(time, lengths)
        visible = self.visible(torch.arange(k.shape[2]), positions[:, None, :, None])
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=visible)
        x = x + mixed.transpose(1, 2).reshape(batch, time, -1) @ self.out
        logits = x @ self.tokens.T
        return logits[torch.arange(batch), real - 1] if last_only else logits


class TransformersModel(nn.Module):
    """A transformers GPT-2 as a `LanguageModel`: its own cache, a mask that says which slots are real."""

    def __init__(self, theirs):
        super().__init__()
        self.theirs, self.n_ctx, self.n_vocab = theirs, theirs.config.n_positions, theirs.config.vocab_size

    def new_cache(self, batch, length):
        return TransformersCache(self.theirs.config, batch)

    def forward(self, tokens, cache=None, lengths=None, last_only=False):
        batch, time = tokens.shape
        cache = self.new_cache(batch, time) if cache is None else cache
        lengths = torch.full((batch,), time) if lengths is None else lengths
        if (cache.lengths + lengths).max() > self.n_ctx:
            raise ValueError("wanted a text within the context, got a longer one; shorten it")
        cache.real = torch.cat([cache.real, torch.arange(time) < lengths[:, None]], dim=1)
        positions = (cache.lengths[:, None] + torch.arange(time)).clamp(max=self.n_ctx - 1)
        logits = self.theirs(
            tokens, past_key_values=cache.theirs, attention_mask=cache.real.long(), position_ids=positions
        ).logits
        cache.lengths = cache.lengths + lengths
        return logits[torch.arange(batch), lengths - 1] if last_only else logits


class TransformersCache:
    def __init__(self, config, batch):
        from transformers import DynamicCache

        self.theirs, self.lengths = DynamicCache(config=config), torch.zeros(batch, dtype=torch.int64)
        self.real = torch.zeros(batch, 0, dtype=torch.bool)

    def select(self, rows):
        self.theirs.batch_select_indices(rows)
        self.real, self.lengths = self.real[rows], self.lengths[rows]

    def cut(self, lengths):
        self.real &= self.real.cumsum(dim=1) <= lengths[:, None]  # what is no longer real is no longer seen
        self.lengths = lengths


class TableModel:
    """The next token depends on the last one alone: row t of `table` holds the logits after token t."""

    def __init__(self, table, n_ctx=1000):
        self.table, self.n_ctx, self.n_vocab = table, n_ctx, table.shape[1]

    def new_cache(self, batch, length):
        cache = SimpleNamespace(lengths=torch.zeros(batch, dtype=torch.int64))
        cache.select = lambda rows: setattr(cache, "lengths", cache.lengths[rows])
        cache.cut = lambda lengths: setattr(cache, "lengths", lengths)
        return cache

    def __call__(self, tokens, cache=None, lengths=None, last_only=False):
        batch, time = tokens.shape
        lengths = torch.full((batch,), time) if lengths is None else lengths
        start = 0 if cache is None else cache.lengths
        if (start + lengths).max() > self.n_ctx:
            raise ValueError("wanted a text within the context, got a longer one; shorten it")
        if cache is not None:
            cache.lengths = cache.lengths + lengths
        logits = self.table[tokens]
        return logits[torch.arange(batch), lengths - 1] if last_only else logits


class ByteTokenizer:
    """One id per byte and one for end of text: characters outside ASCII need several ids."""

    end_of_text, n_vocab = 256, 257

    def encode(self, text):
        return list(text.encode())

    def decode_bytes(self, ids):
        return b"".join(b"<|endoftext|>" if token == self.end_of_text else bytes([token]) for token in ids)


def transformers_gpt2(seed=0, n_vocab=61, n_ctx=96):
    """A random GPT-2 of transformers, its weights large enough that greedy text does not stand still."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=n_vocab, n_positions=n_ctx, n_embd=32, n_layer=2, n_head=4, initializer_range=0.3,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


@pytest.fixture
def tiny_model():
    return TinyModel().eval()


@pytest.fixture(scope="session")
def models():
    """The kinds of model by name, for tests that build their own."""
    return SimpleNamespace(
        Tiny=TinyModel, Transformers=TransformersModel, Table=TableModel, transformers_gpt2=transformers_gpt2
    )


@pytest.fixture
def tokenizer():
    return ByteTokenizer()


@pytest.fixture(scope="session")
def trained():
    """A GPT-2 with larger random weights than at the start of training, so that greedy text moves."""
    tokenizer = gpt2.Tokenizer.train(["the cat sat on the mat, über 世界 🙂"] * 3, 280)
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=96, n_embd=32, n_head=4, n_layer=2)
    model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(1)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(12 if parameter.ndim > 1 else 1)
    return model, tokenizer
