"""The commonest mistakes get a sentence each; tried without the type checks that only tests have."""

import subprocess
import sys

import pytest
import torch

from attention import causal, documents, padding

SETUP = """
import torch
from attention import KeyValueCache, MultiHeadAttention, causal, padding, plot_heads, plot_layers, plot_map
seen, maps, layer = torch.ones(2, 1, 4, 4, dtype=torch.bool), torch.rand(2, 3, 4, 4), MultiHeadAttention(8, 2)
cache = KeyValueCache(1, 3, 2, 9, 4)
"""
MISTAKES = {
    "causal() & seen": r"wanted a rule on both sides of &; got causal() & a tensor [2, 1, 4, 4] of torch.bool; make",
    "seen & causal()": r"wanted a rule on both sides of &",
    "seen | padding([3, 2])": r"padding([3, 2]).dense(B, T, S) | tensor",
    "padding([3]) | causal": r"call it first, as in causal()",
    "causal() & True": r"got causal() & True; make it a rule",
    "padding([[1], [1, 2]])": r"wanted whole numbers, rows of equal length; got [[1], [1, 2]]",
    "padding([0.5])": r"wanted one whole number a row",
    "padding('abc')": r"wanted whole numbers",
    "plot_heads(maps[0])": r"wanted the maps of one layer, [B, H, T, S]; got shape [3, 4, 4]; pass all rows",
    "plot_heads(maps[0][0])": r"got shape [4, 4]; give it to plot_map",
    "plot_map(maps)": r"wanted one map, [T, S]; got shape [2, 3, 4, 4]; give it to plot_heads",
    "plot_map(maps[0])": r"choose a head, as in maps[0, 3]",
    "plot_layers(maps)": r"wanted maps by the names of their layers; got a Tensor",
    "plot_layers([maps])": r"got a list; pass what record_maps leaves",
    "layer(torch.rand(5, 8))": r"wanted x of shape [B, T, 8]; got [5, 8]; a single text is a batch of one",
    "layer(torch.tensor([3, 1, 2]))": r"got [3] of torch.int64; embed the ids first",
    "layer(torch.zeros(2, 8, 8, dtype=torch.long))": r"embed the ids first",
    "layer(torch.rand(2, 5, 9))": r"make the layer as wide as what it is given",
    "layer(torch.rand(2, 5, 8), source=torch.rand(5, 8))": r"wanted source of shape [B, T, 8]",
    "layer(torch.rand(2, 5, 8), cache=cache.layer(0))": r"make the cache for this batch",
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
    except (TypeError, ValueError) as error:
        print(str(error).replace(chr(10), " "))
"""
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(zip(MISTAKES, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_a_sentence(mistake, said):
    assert MISTAKES[mistake] in said[mistake]
    assert "wanted" in said[mistake]
    assert ";" in said[mistake]


def test_rules_take_lists_as_they_are_drawn():
    for rule, same in (
        (padding([3]), padding(torch.tensor([3]))),
        (padding([3, 1]), padding(torch.tensor([3, 1]))),
        (documents([0, 0, 1, 1, 1]), documents(torch.tensor([0, 0, 1, 1, 1]))),
        (documents([[0, 1, 1], [0, 0, 1]]), documents(torch.tensor([[0, 1, 1], [0, 0, 1]]))),
    ):
        assert repr(rule) == repr(same)
        batch, places = rule.n_rows or 1, rule.n_places or 5
        assert torch.equal(
            (causal() & rule).dense(batch, places, places), (causal() & same).dense(batch, places, places)
        )
