"""The recipe: an ordinary run folder, and a head that learns to copy all of a sudden."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

import gpt2
from interpretability import InductionRecipe, InductionRun, over_training, score_heads

SMALL = InductionRecipe(alphabet="abcdefghijklmnop", n_ctx=16, n_embd=32, n_head=1, steps=6, batch_size=8)


def finished(folder: Path, recipe: InductionRecipe, **options: int) -> InductionRun:
    run = InductionRun(folder, recipe, **options)
    run.begin()
    for _ in run:
        pass
    return run


def test_it_leaves_a_run_folder_that_everything_opens(tmp_path: Path) -> None:
    run = finished(tmp_path / "run", SMALL, save_every=2)
    assert run.finished
    assert [step for step, _ in over_training(tmp_path / "run", lambda model: {"n": 0.0})] == [0, 2, 4, 6]
    model, tokenizer = gpt2.load(tmp_path / "run")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "model").eval()
    ids = torch.tensor([tokenizer.encode("abcabc")])
    assert ids.tolist() == [[97, 98, 99] * 2]
    assert tokenizer.decode_bytes(ids[0].tolist()) == b"abcabc"
    with torch.no_grad():
        assert torch.allclose(model(ids), theirs(ids).logits, atol=1e-5)
    metrics = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert {line["step"] for line in metrics} >= set(range(7))
    assert run.losses.keys() == {0, 2, 4, 6}


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    once, again, other = (
        finished(tmp_path / name, SMALL, seed=seed).model.token_embedding.weight
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


def test_a_stopped_run_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    run = InductionRun(tmp_path / "run", SMALL, should_stop=lambda: True)
    run.begin()
    assert len(list(run)) == 1
    assert not run.finished
    assert (tmp_path / "run" / "checkpoints" / "step-000001" / "config.json").is_file()


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="wanted a new or empty folder"):
        InductionRun(tmp_path, SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_an_induction_head_appears(tmp_path: Path, seed: int) -> None:
    """Half a minute at most of one core: for 80 steps next to nothing, then all of it within 80 more."""
    recipe = InductionRecipe()
    run = finished(tmp_path / "run", recipe, seed=seed)
    pool = run.tokenizer.encode(recipe.alphabet)
    scores = {
        step: numbers["induction"]
        for step, numbers in over_training(
            tmp_path / "run", lambda model: {"induction": score_heads(model, pool).best("induction")[2]}
        )
    }
    assert scores[80] < 0.2
    assert scores[200] > 0.7
    assert scores[240] >= 0.8
    assert run.losses[0] > 4
    assert run.losses[80] > 2
    assert run.losses[240] < 0.1
