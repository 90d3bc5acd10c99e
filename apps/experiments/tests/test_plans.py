"""A plan is known to be possible before its first run; what is wrong is named with line and field."""

from pathlib import Path

import pytest

import gpt2
from experiments import parse_plan, read_plan
from experiments.facts import differences, digest_of


def test_a_plan_is_recipes_times_texts_times_seeds(tmp_path, plan_in, plan_text):
    plan = read_plan(plan_in(tmp_path))
    assert [run.name for run in plan.runs][:3] == ["base.topics.0", "base.topics.1", "decay.topics.0"]
    assert len(plan.runs) == len({run.key for run in plan.runs}) == len({run.name for run in plan.runs}) == 6
    assert plan.recipes == ["base", "decay", "slow"]
    assert plan.runs[0].path == str(tmp_path / "topics.txt")
    tiny = gpt2.recipe("tiny")
    assert plan.runs[2].facts["recipe"]["weight_decay"] == 0.5
    assert plan.runs[2].facts["recipe"]["learning_rate"] == tiny.learning_rate
    assert plan.runs[4].facts["recipe"]["learning_rate"] == 1e-4


def test_the_digest_knows_what_decides_a_run_and_not_how_that_was_said(tmp_path, plan_in, plan_text):
    (tmp_path / "mine.toml").write_text(gpt2_recipe("tiny"))
    plan = plan_in(tmp_path)
    whole = read_plan(plan).runs
    text = plan_text.replace('recipe = "tiny"', 'recipe = "mine.toml"').replace("steps = 6", "# six\nsteps = 6")
    assert [run.digest for run in parse_plan(text, plan).runs] == [run.digest for run in whole]
    other = parse_plan(plan_text.replace("weight_decay = 0.5", "weight_decay = 0.4"), plan).runs
    assert [a.digest == b.digest for a, b in zip(whole, other, strict=True)] == [True, True, False, False, True, True]


def test_the_folder_of_a_sweep_that_is_named_as_a_recipe_is_not_taken_for_it(tmp_path, plan_in, monkeypatch):
    plan = plan_in(tmp_path)
    before = [run.facts for run in read_plan(plan).runs]
    (tmp_path / "tiny" / "runs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert [run.facts for run in read_plan(plan).runs] == before


def quick_plan(folder: Path, **sizes: int) -> str:
    """`quick` as it is, and with a rate, on texts of so many bytes."""
    for name, size in sizes.items():
        (folder / f"{name}.txt").write_text("a cat\n" * (size // 6), encoding="utf-8", newline="\n")
    texts = "".join(f'[[texts]]\nname = "{name}"\npath = "{name}.txt"\n' for name in sizes)
    recipes = "".join(f'[[recipes]]\nname = "{name}"\nrecipe = "quick"\n' for name in ("base", "rate"))
    return f"seeds = 1\n{texts}{recipes}learning_rate = 0.003\n"


def test_the_facts_of_a_recipe_that_goes_by_its_text_are_those_for_that_text(tmp_path):
    plan = quick_plan(tmp_path, short=300_000, long=3_000_000)
    runs = parse_plan(plan, tmp_path / "plan.toml").runs
    assert [run.name for run in runs] == ["base.short.0", "base.long.0", "rate.short.0", "rate.long.0"]
    for run, n_bytes in zip(runs, [300_000, 3_000_000] * 2, strict=True):
        wanted = gpt2.recipe("quick", n_bytes)
        facts = run.facts["recipe"]
        assert (facts["steps"], facts["warmup"], facts["held_out"]) == (wanted.steps, 20, wanted.held_out)
        assert facts["config"]["n_vocab"] == wanted.config.n_vocab
    shorter = parse_plan(plan.replace("learning_rate = 0.003", "steps = 165"), tmp_path / "plan.toml").runs[2]
    assert shorter.facts["recipe"]["warmup"] == 10  # half of the steps that it would have had: half of the warm-up
    with pytest.raises(ValueError, match=r"recipe rate: --warmup: wanted fewer than the 330 steps .* got 400"):
        parse_plan(plan.replace("learning_rate = 0.003", "warmup = 400"), tmp_path / "plan.toml")
    (tmp_path / "short.txt").write_bytes(b"\xff" * 9)
    with pytest.raises(ValueError, match=r"plan.toml, line 8: recipe base: wanted UTF-8 text, but .*short.txt"):
        parse_plan(plan, tmp_path / "plan.toml")


def test_a_switch_that_a_later_version_brings_changes_no_digest_while_it_is_off(tmp_path, plan_in):
    facts = read_plan(plan_in(tmp_path)).runs[0].facts
    for off in (False, 0, 0.0, None):
        later = {**facts, "recipe": {**facts["recipe"], "switch": off}}
        assert digest_of(later) == digest_of(facts)
        assert list(differences(facts, later)) == []
    later["recipe"]["switch"] = 0.5
    assert digest_of(later) != digest_of(facts)
    assert list(differences(facts, later)) == [("switch", None, 0.5)]


def gpt2_recipe(name: str) -> str:
    from gpt2.training.recipe_file import as_toml

    return as_toml(gpt2.recipe(name))


def line_of(plan: str, begin: str) -> int:
    return next(n for n, line in enumerate(plan.splitlines(), start=1) if line.startswith(begin))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seeds = [0, 1]", "seeds = []", ", line {seeds}: seeds: wanted 1 to 10,000 seeds, got \\[\\]"),
        ("seeds = [0, 1]", "", ": seeds: wanted 1 to 10,000 seeds, got None"),
        (
            "seeds = [0, 1]",
            "seeds = [0, -1]",
            ", line {seeds}: seeds: wanted whole numbers from 0 to .*, got -1",
        ),
        ("seeds = [0, 1]", "seeds = 99999999999", ", line {seeds}: seeds: wanted 1 to 10,000 seeds, got 99999999999"),
        ("seeds = [0, 1]", "seeds = [1, 1]", ", line {seeds}: seeds: wanted each seed once"),
        ("seeds = [0, 1]", "sedes = [1]", ", line {seeds}: sedes: wanted one of seeds, texts"),
        ("seeds = [0, 1]", "seeds = [0", ": wanted TOML, got something else: .*line"),
        (
            'path = "topics.txt"',
            'path = "none.txt"',
            ", line {path}: path: wanted a text file, a folder or a pattern, but .*none.txt is not there",
        ),
        (
            'path = "topics.txt"',
            'path = "*.none"',
            r", line {path}: path: wanted files that match .*\*\.none, found none",
        ),
        ('path = "topics.txt"', "", ", line 4: path: wanted the path of text topics"),
        ('name = "topics"', 'name = "a b"', ", line 5: name: wanted 1 to 40 letters"),
        (
            'recipe = "tiny"',
            'recipe = "tyni"',
            ", line {recipe}: recipe base: --recipe: wanted one of .* did you mean tiny",
        ),
        ('recipe = "tiny"', "", ", line 18: recipe base: recipe: wanted a name or a file, got None"),
        ("n_embd = 16", "n_embed = 16", ", line {n_embd}: recipe base: n_embed: wanted an option of train, .* n_embd?"),
        ("n_embd = 16", "n_embd = 15", ", line {n_embd}: recipe base: --n-embd: wanted a multiple of n_head"),
        ("n_embd = 16", 'n_embd = "16"', ", line {n_embd}: recipe base: n_embd: wanted a whole number"),
        (
            "weight_decay = 0.5",
            "weight_decay = -1",
            ", line {weight_decay}: recipe decay: --weight-decay: wanted at least 0",
        ),
        (
            "weight_decay = 0.5",
            "weight_decay = [1]",
            ", line {weight_decay}: recipe decay: weight_decay: wanted one value",
        ),
        ("weight_decay = 0.5", "seed = 3", ", line {weight_decay}: recipe decay: seed: wanted an option of train"),
        ('name = "slow"', 'name = "base"', ", line 26: name: wanted another name, got base again"),
        ('name = "slow"', 'name = "Base"', ", line 26: name: wanted another name, got Base again"),
        ("[all]", "[al]", ", line 8: al: wanted one of seeds"),
        ("seeds = [0, 1]", "seeds = 2\nthreads = 9999", ", line 3: threads: wanted whole numbers from 1 to 1,024, got"),
        ("seeds = [0, 1]", "seeds = 2\nthreads = 0", ", line 3: threads: wanted whole numbers from 1 to .*, got 0"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_field(old, new, said, tmp_path, plan_in, plan_text):
    assert f"\n{old}\n" in plan_text
    path = plan_in(tmp_path)
    lines = {name: line_of(plan_text, name) for name in ("seeds", "path", "recipe", "n_embd", "weight_decay")}
    with pytest.raises(ValueError, match=f"plan.toml{said.format(**lines)}") as refused:
        parse_plan(plan_text.replace(f"\n{old}\n", f"\n{new}\n", 1), path)
    assert "\n" not in str(refused.value)


def test_a_plan_is_the_same_from_another_folder(tmp_path, plan_in, monkeypatch):
    plan = read_plan(plan_in(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert read_plan(Path("plan.toml")) == plan
    (tmp_path / "below").mkdir()
    monkeypatch.chdir("below")
    assert read_plan(Path("../plan.toml")) == plan


@pytest.mark.parametrize("gone", ["texts", "recipes"])
def test_a_plan_without_texts_or_recipes_is_none(gone, tmp_path, plan_in, plan_text):
    text = "\n".join(part for part in plan_text.split("\n\n") if f"[[{gone}]]" not in part)
    with pytest.raises(ValueError, match=rf"{gone}: wanted at least one \[\[{gone}\]\], got none"):
        parse_plan(text, plan_in(tmp_path))


def test_the_text_that_comes_with_python_and_globs_are_texts(tmp_path, plan_in, plan_text):
    hub = "hf://datasets/owner/name"
    for path, wanted in (("embedded", None), ("*.txt", str(tmp_path / "*.txt")), (hub, hub)):
        plan = parse_plan(plan_text.replace('"topics.txt"', f'"{path}"'), Path(plan_in(tmp_path)))
        assert plan.runs[0].path == wanted
