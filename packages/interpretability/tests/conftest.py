"""Small models with weights large enough that every part says something, a byte tokenizer, and folders of them."""

import pytest
import torch

import gpt2


def random_model(n_embd=24, n_head=3, n_layer=2, n_vocab=300, n_ctx=32, seed=0, dropout=0.0):
    """A GPT-2 with weights of a trained one's size, biases and norms included."""
    config = gpt2.GPT2Config(
        n_vocab=n_vocab, n_ctx=n_ctx, n_embd=n_embd, n_head=n_head, n_layer=n_layer, dropout=dropout
    )
    generator = torch.Generator().manual_seed(seed)
    model = gpt2.GPT2(config, generator=generator).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4.0).add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model


SHAPES = {"two layers": (24, 3, 2), "one head": (16, 1, 1), "four layers": (40, 5, 4)}


@pytest.fixture(scope="session")
def make_model():
    return random_model


@pytest.fixture
def model():
    return random_model()


@pytest.fixture(params=SHAPES, ids=list(SHAPES))
def each_model(request):
    """Three shapes."""
    return random_model(*SHAPES[request.param])


@pytest.fixture
def tokens():
    return torch.randint(300, (2, 9), generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="session")
def tokenizer():
    text = ("the cat and the hat sat in the vat; " * 20, "def f(x):\n    return x + 1\n" * 20)
    return gpt2.Tokenizer.train(text, 300)


@pytest.fixture(scope="session")
def folder(tmp_path_factory, tokenizer):
    """A model's folder, as `gpt2.load` takes it."""
    where = tmp_path_factory.mktemp("models") / "model"
    gpt2.save(where, random_model(n_vocab=tokenizer.n_vocab), tokenizer)
    return where


@pytest.fixture(scope="session")
def text_file(tmp_path_factory):
    """Some 3,000 bytes of text."""
    path = tmp_path_factory.mktemp("texts") / "text.txt"
    path.write_text("the cat sat in the hat and the vat; def f(x): return the hat\n" * 50, "utf-8")
    return path
