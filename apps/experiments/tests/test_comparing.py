"""Paired differences and their intervals, against SciPy; and answers that are no."""

import dataclasses

import pytest
from scipy.stats import ttest_rel

from experiments import Result, compare
from experiments.comparing import compare_all
from experiments.pictures.tables import comparison, comparisons, summary, table, what_differs

FACTS = {"recipe": {"name": "tiny", "config": {"n_layer": 2}, "dropout": 0.0}, "text": None}


def result(recipe: str, text: str, seed: int, bits: float | None, cpu: float = 2.0) -> Result:
    facts = {**FACTS, "recipe": {**FACTS["recipe"], "dropout": 0.1 if recipe == "new" else 0.0}}
    curve = [[5, cpu, bits]] if bits is not None else []
    failed = "nan" if bits is None else None
    return Result(recipe, text, seed, "d", facts, bits, cpu, cpu, curve, fingerprint=text, failed=failed)


OLD, NEW = [2.01, 2.04, 1.98, 2.02, 2.06], [1.99, 2.01, 1.97, 2.01, 2.02]
SOME = [
    *(result("old", "a", seed, bits) for seed, bits in enumerate(OLD)),
    *(result("new", "a", seed, bits, cpu=3.0) for seed, bits in enumerate(NEW)),
]


def test_the_difference_and_its_interval_are_those_of_the_paired_t_test():
    [paired] = compare(SOME, "old", "new")
    theirs = ttest_rel(NEW, OLD)
    interval = theirs.confidence_interval(0.95)
    assert paired.difference.value == pytest.approx(sum(NEW) / 5 - sum(OLD) / 5)
    assert (paired.difference.low, paired.difference.high) == pytest.approx((interval.low, interval.high), rel=1e-6)
    assert (paired.pairs, paired.cpu_ratio, paired.verdict) == (5, pytest.approx(1.5), "new is better")
    assert compare(SOME, "new", "old")[0].verdict == "old is worse"


def test_an_interval_with_zero_in_it_is_not_distinguishable_and_one_pair_says_nothing():
    noise = [result(one.recipe, "a", one.seed, 2.0 + 0.01 * ((one.seed * 7 + len(one.recipe)) % 3)) for one in SOME]
    noise = [
        dataclasses.replace(
            one,
            bits_per_byte=one.bits_per_byte
            + 0.02 * (one.seed % 2) * (one.recipe == "new")
            - 0.015 * (one.recipe == "new"),
        )
        for one in noise
    ]
    [paired] = compare(noise, "old", "new")
    assert paired.verdict == "not distinguishable"
    assert "not distinguishable" in table(noise)
    [single] = compare([one for one in SOME if one.seed == 0], "old", "new")
    assert (single.difference.low, single.verdict) == (None, "one pair says nothing of chance: run more seeds")


def test_several_texts_count_each_seed_once():
    both = [
        *SOME,
        *(dataclasses.replace(one, text="b", fingerprint="b", bits_per_byte=one.bits_per_byte + 1) for one in SOME),
    ]
    found = compare(both, "old", "new")
    assert [(one.text, one.pairs) for one in found] == [("a", 5), ("b", 5), (None, 5)]
    assert found[2].difference.value == pytest.approx(found[0].difference.value)
    assert len(summary(both)) == 4


def test_what_is_told_fits_in_80_columns():
    longer = [dataclasses.replace(one, recipe=f"{one.recipe}-recipe") for one in SOME]
    one_seed = [one for one in longer if one.seed == 0]
    for some in (longer, one_seed):
        told = f"{table(some)}\n{comparison(compare(some, 'old-recipe', 'new-recipe'), {})}"
        assert max(map(len, told.splitlines())) <= 80, told
    assert "  new-recipe  a  -0.0220 (-0.0382 to -0.0058)  new-recipe is better" in table(longer).splitlines()


def test_what_failed_is_left_out_and_said():
    some = [*SOME[:-1], result("new", "a", 4, None)]
    assert compare(some, "old", "new")[0].pairs == 4
    rows = summary(some)
    assert (rows[1]["seeds"], rows[1]["failed"]) == (4, 1)
    assert "4 (-1)" in table(some)
    assert "Fewer than 5 seeds" in comparison(compare(some, "old", "new"), {})


def test_what_differs_is_named():
    assert what_differs(SOME, "old", "new") == {"dropout": (0.0, 0.1)}
    assert "dropout: 0.0 -> 0.1" in comparison(compare(SOME, "old", "new"), what_differs(SOME, "old", "new"))


def test_what_differs_from_text_to_text_is_named_for_each():
    """As where a recipe goes by the size of its text, and another has a number of its own."""

    def of(recipe: str, text: str, steps: int) -> Result:
        one = result(recipe, text, 0, 2.0)
        return dataclasses.replace(one, facts={**one.facts, "recipe": {**one.facts["recipe"], "steps": steps}})

    some = [of("old", "a", 330), of("old", "b", 730), of("new", "a", 100), of("new", "b", 100)]
    assert what_differs(some, "old", "new") == {"dropout": (0.0, 0.1), "steps": ("330, 730", 100)}
    assert what_differs([*some[:2], some[3]], "old", "new")["steps"] == (730, 100), "the text that both have"


@pytest.mark.parametrize(
    ("some", "names", "said"),
    [
        (SOME, ("old", "older"), r"older: wanted a recipe of these results \(old, new\)"),
        (SOME, ("old", "old"), "old: wanted two recipes, got one twice"),
        (SOME[:7], ("new", "old"), ""),
        (
            [SOME[0], result("new", "a", 0, None)],
            ("old", "new"),
            "new: wanted a run that reached its end, got 1 failed",
        ),
        ([SOME[0], SOME[6]], ("old", "new"), "wanted runs with the same text and seed, got none"),
        ([SOME[0], dataclasses.replace(SOME[5], fingerprint="x")], ("old", "new"), "text a: wanted the same for both"),
    ],
)
def test_what_cannot_be_compared(some, names, said):
    if not said:
        assert compare(some, *names)[0].pairs == 2
        return
    with pytest.raises(ValueError, match=said):
        compare(some, *names)


def test_every_recipe_is_compared_with_the_first():
    third = [dataclasses.replace(one, recipe="same") for one in SOME if one.recipe == "old"]
    one_text = [*SOME, *third, result("broken", "a", 0, None)]
    every = compare_all(one_text, "old")
    assert list(every) == ["new", "same"]
    assert every["new"] == compare(SOME, "old", "new")
    both = [*one_text, *(dataclasses.replace(one, text="b", fingerprint="b") for one in one_text)]
    told = comparisons("old", compare_all(both, "old"))
    assert [line.split() for line in told.splitlines()[1:3]] == [
        ["new", "-0.0220", "(-0.0382", "to", "-0.0058)", "5", "1.50", "2", "of", "2", "0", "of", "2"],
        ["same", "+0.0000", "(+0.0000", "to", "+0.0000)", "5", "1.00", "0", "of", "2", "0", "of", "2"],
    ]
    assert "  new   b  -0.0220 (-0.0382 to -0.0058)" in told.splitlines()
    assert max(map(len, told.splitlines())) <= 80
    with pytest.raises(ValueError, match="old: wanted results of another recipe"):
        compare_all(SOME[:5], "old")
