"""The commonest mistakes get a sentence each; tried without the type checks that only tests have."""

import subprocess
import sys

import pytest

SETUP = """
import torch
from attention import KeyValueCache
from transformer import CrossStack, DecoderStack, EncoderDecoder, EncoderStack
decoder, encoder = DecoderStack(1, 8, 2), EncoderStack(1, 8, 2)
cross, both = CrossStack(1, 8, 2), EncoderDecoder(1, 8, 2)
x, ids, cache = torch.rand(2, 5, 8), torch.tensor([[3, 1, 2]]), KeyValueCache(1, 3, 2, 9, 4)
states = cross.keys_values(torch.rand(3, 4, 8))
"""
MISTAKES = {
    "decoder(ids[0])": "got [3] of torch.int64; embed the ids first",
    "decoder(ids)": "wanted a stream [B, T, 8], floating; got [1, 3] of torch.int64; embed the ids first",
    "encoder(x[0])": "got [5, 8] of torch.float32; a single text is a batch of one: x[None]",
    "encoder(torch.rand(2, 5, 9))": "make the stack as wide as what it is given",
    "cross(x, x[0])": "wanted source of shape [B, T, 8]",
    "both(ids, x)": "embed the ids first",
    "both(x, x[0])": "a single text is a batch of one: x[None]",
    "decoder(x, cache)": "wanted a cache for the 2 rows of this batch; got one for 3; make a cache for each batch",
    "cross(x, x, cache)": "wanted a cache for the 2 rows",
    "cross(x, states)": "wanted a source of the 2 rows of this batch; got one of 3",
    "cross(x, torch.rand(3, 4, 8))": "wanted a source of the 2 rows of this batch; got one of 3",
    "both(torch.rand(3, 4, 8), x)": "wanted a source of the 2 rows of this batch; got one of 3",
}


@pytest.fixture(scope="module")
def said():
    """Every mistake's error, from one process."""
    program = (
        SETUP
        + f"""
for mistake in {list(MISTAKES)!r}:
    try:
        eval(mistake)
        print("nothing")
    except (TypeError, ValueError, RuntimeError) as error:
        print(str(error).replace(chr(10), " "))
"""
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(zip(MISTAKES, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_a_sentence(mistake, said):
    assert MISTAKES[mistake] in said[mistake]
