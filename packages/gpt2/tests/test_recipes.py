"""The default recipe follows from the size of the text, by the rule that its docstring states."""

import pytest

import gpt2
from gpt2.recipes import quick

MEGABYTE = 10**6


@pytest.mark.parametrize(
    ("n_bytes", "n_vocab", "n_ctx", "steps"),
    [
        (200_000, 512, 64, 220),
        (MEGABYTE, 1024, 64, 1100),
        (5_600_000, 2048, 128, 730),
        (20 * MEGABYTE, 4096, 128, 730),
    ],
)
def test_vocabulary_context_and_steps_follow_from_the_size(n_bytes, n_vocab, n_ctx, steps):
    recipe = gpt2.recipe("quick", n_bytes)
    assert (recipe.config.n_vocab, recipe.config.n_ctx, recipe.steps) == (n_vocab, n_ctx, steps)


def test_what_lies_beyond_the_ends_is_as_at_the_ends():
    assert quick(1000) == quick(200_000)
    assert quick(10**9).replace(held_out=0.015) == quick(20 * MEGABYTE)


def test_a_twentieth_is_held_out_and_never_more_than_300_kilobytes():
    assert quick(MEGABYTE).held_out == quick(6 * MEGABYTE).held_out == 0.05
    assert quick(30 * MEGABYTE).held_out == pytest.approx(0.01)


def test_no_text_is_read_more_than_four_times():
    for n_bytes in (200_000, 500_000, MEGABYTE, 1_900_000, 5 * MEGABYTE, 20 * MEGABYTE):
        recipe = quick(n_bytes)
        tokens = n_bytes / 2.2  # with so few ids a token is 2.1 to 3 bytes of English
        assert recipe.steps * recipe.batch_size * recipe.config.n_ctx < 4 * tokens


def test_a_run_takes_the_shape_for_its_text(text_file, tmp_path):
    settings = gpt2.TrainSettings(text=str(text_file), out=tmp_path / "run", steps=1, batch_size=2)
    run = gpt2.run(settings)
    wanted = quick(run.record.data["train_bytes"] + run.record.data["held_out_bytes"])
    assert run.recipe == wanted.replace(steps=1, batch_size=2, warmup=0)
    assert gpt2.run(gpt2.TrainSettings(resume=run.folder)).recipe == run.recipe


def test_steps_of_half_batches_are_told():
    recipe = gpt2.recipe("tiny").replace(steps=40, batch_size=4)
    assert recipe.tokens_of_steps(32) == "128 tokens"
    assert recipe.replace(batch_ramp=0.5).tokens_of_steps(32) == "128 tokens, the first 20 of half as many"
