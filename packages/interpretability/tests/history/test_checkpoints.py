"""Measures over the checkpoints of a run."""

from pathlib import Path

import pytest

import gpt2
from gpt2 import GPT2, GPT2Config, Tokenizer
from interpretability import chosen_checkpoints, kept_checkpoints, over_training


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with checkpoints of models whose first gain tells them apart."""
    folder = tmp_path_factory.mktemp("run")
    tokenizer = Tokenizer({bytes([byte]): byte for byte in range(256)})
    for step in (0, 10, 20, 30, 1_000_000):
        model = GPT2(GPT2Config(n_vocab=257, n_ctx=8, n_embd=4, n_head=2, n_layer=1))
        model.final_norm.weight.data[0] = step
        gpt2.save(folder / "checkpoints" / f"step-{step:06d}", model, tokenizer)
    return folder


def test_each_checkpoint_is_measured_in_its_order(run: Path) -> None:
    measured = over_training(run, lambda model: {"gain": model.final_norm.weight[0].item()})
    assert [(step, numbers["gain"]) for step, numbers in measured] == [
        (step, float(step)) for step in (0, 10, 20, 30, 1_000_000)
    ]


@pytest.mark.parametrize(
    ("which", "steps"),
    [
        ("all", [0, 10, 20, 30, 1_000_000]),
        ("2", [0, 1_000_000]),
        ("3", [0, 20, 1_000_000]),
        ("4", [0, 10, 30, 1_000_000]),
        ("9", [0, 10, 20, 30, 1_000_000]),
    ],
)
def test_some_of_them_are_spread_evenly(run: Path, which: str, steps: list[int]) -> None:
    assert [step for step, _ in chosen_checkpoints(run, which)] == steps


@pytest.mark.parametrize("which", ["1", "0", "-3", "some", ""])
def test_other_numbers_are_refused(run: Path, which: str) -> None:
    with pytest.raises(ValueError, match="wanted all, or a number of at least 2"):
        chosen_checkpoints(run, which)


def test_a_folder_without_checkpoints_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got a model folder"):
        kept_checkpoints(run / "checkpoints" / "step-000010")
    with pytest.raises(ValueError, match="got no such folder"):
        kept_checkpoints(tmp_path / "none")
