"""Words that must come: the best of all texts that hold them where these are few, and none without them elsewhere."""

import itertools

import pytest
import torch

from decoding import GenerationSettings, generate_ids
from decoding.methods.ends import Ends, new_search
from decoding.methods.forced_words import advancing_tokens, best_of_banks, deal, missing_tokens

END, STEPS = 4, 5


def random_table(seed):
    return torch.randn(5, 5, generator=torch.Generator().manual_seed(seed)) * 2


def holds(ids, words):
    return all(any(ids[i : i + len(word)] == word for i in range(len(ids))) for word in words)


def scores_of_all(table, words, length_penalty):
    """Of all texts of up to STEPS ids that end where they should and hold the words, by definition."""
    log_probabilities, scores = table.log_softmax(-1), {}
    for count in range(1, STEPS + 1):
        for ids in itertools.product(range(5), repeat=count):
            whole = END not in ids[:-1] and (count == STEPS or ids[-1] == END)
            if whole and holds(ids, words):
                total = sum(log_probabilities[a, b].item() for a, b in itertools.pairwise([0, *ids]))
                scores[ids] = total / count**length_penalty
    return scores


@pytest.mark.parametrize("words", [((1,),), ((3, 2),), ((1,), (3, 2)), ((2, 2, 3), (1,)), ((0, 1), (2, 3))])
@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_with_as_many_beams_as_texts_the_best_of_those_with_the_words_is_found(models, words, length_penalty):
    table = random_table(3)
    scores = scores_of_all(table, words, length_penalty)
    best = sorted(scores, key=scores.get, reverse=True)[:4]
    settings = GenerationSettings(
        max_new_tokens=STEPS, temperature=0, beams=320, n_best=4, length_penalty=length_penalty, early_stopping="never",
        forced_words=words,
    )  # fmt: skip
    row = generate_ids(models.Table(table), [[0]], settings, end_of_text=END)[0]
    assert [row.ids, *(other.ids for other in row.others)] == best
    assert row.score == pytest.approx(scores[best[0]], rel=1e-5)


@pytest.mark.parametrize("more", [{}, {"early_stopping": True}, {"beam_groups": 2, "diversity_penalty": 1.0},
                                  {"temperature": 1.0}, {"no_repeat_ngram_size": 2}], ids=str)  # fmt: skip
def test_every_hypothesis_holds_the_words_batch_and_single(models, more):
    words, prompts = ((11,), (5, 3), (40, 41, 42)), [[3], [1, 4, 1, 5, 9, 2, 6]]
    model = models.Transformers(models.transformers_gpt2())
    settings = GenerationSettings(
        **{"max_new_tokens": 12, "temperature": 0, "beams": 4, "n_best": 3, "forced_words": words, **more}
    )
    rows = generate_ids(model, prompts, settings, end_of_text=17)
    for row in rows:
        assert all(holds(one.ids, words) for one in (row, *row.others))
    assert rows[:1] == generate_ids(model, prompts[:1], settings, end_of_text=17)


def test_words_that_come_by_themselves_change_nothing(models):
    model = models.Transformers(models.transformers_gpt2())
    plain = GenerationSettings(max_new_tokens=6, temperature=0, beams=4)
    best = generate_ids(model, [[3]], plain)[0]
    forced = GenerationSettings(max_new_tokens=6, temperature=0, beams=4, forced_words=(best.ids[:1],))
    assert generate_ids(model, [[3]], forced)[0].score >= best.score - 1e-5


def test_every_bank_has_its_share_and_what_ends_is_replaced():
    settings = GenerationSettings(max_new_tokens=9, temperature=0, beams=4, forced_words=((2,),))
    search = new_search(settings, Ends(settings, (6,), None), 9)
    search.running, search.totals = [[2], [0], [1], [3]], torch.tensor([-9.0, -1.0, -1.0, -1.0])
    totals = search.totals[:, None] - torch.tensor([1.0, 2.0, 8.8, 3.0, 4.0, 5.0, 0.5, 6.0])
    totals[1:, 6] = -torch.inf  # without the word no end
    places = best_of_banks(search, totals, totals, settings.forced_words).tolist()
    assert [divmod(place, 8) for place in places[:2]] == [(0, 6), (1, 2)], (
        "the best with the word, unlikely as they are"
    )
    assert sum(place == 6 for place in places) == 1
    assert len(places) == 5, "one ends, four go on"


def test_what_is_missing_is_counted_from_the_end_of_the_text():
    words = ((1, 2, 1, 3), (4,))
    assert missing_tokens(words, [1, 2, 1]) == 2
    assert missing_tokens(words, [1, 2, 1, 2]) == 3
    assert missing_tokens(words, [1, 2, 1, 3, 9]) == 1
    assert advancing_tokens(words, [1, 2, 1]) == {3, 2, 1, 4}
    assert deal([1, 9, 2], 7) == [1, 4, 2]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"forced_words": ((1, 2, 3), (4, 5))}, "wanted room for the 5 ids of forced_words, got 4 new"),
        ({"forced_words": ((7,),)}, "wanted forced_words before the end of the text, got its id 7"),
        ({"forced_words": ((99,),)}, "got 99 in forced_words; encode"),
        ({"forced_words": ((),)}, "forced_words must hold sequences of at least one id, got an empty one"),
        ({"forced_words": ((1,),), "banned": ((1,),)}, "got none for any beam; the settings ban them all"),
        ({"forced_words": ((1,),), "beams": 1}, "beams must be 2 or more with forced_words, got 1; 4 is usual"),
        ({"forced_words": ((1,),), "stop": ("a",)}, "stop must be left out with forced_words"),
    ],
)  # fmt: skip
def test_words_that_cannot_come_are_refused(tiny_model, more, message):
    with pytest.raises(ValueError, match=message):
        generate_ids(
            tiny_model,
            [[1]],
            GenerationSettings(**{"max_new_tokens": 4, "temperature": 0, "beams": 3, **more}),
            end_of_text=7,
        )


def test_three_beams_find_the_best_text_with_the_words_nearly_always(models):
    """In one bank, where hypotheses without the words are likelier, they find two of these ten."""
    words = ((3, 2),)
    settings = GenerationSettings(max_new_tokens=STEPS, temperature=0, beams=3, length_penalty=0, forced_words=words)
    found = []
    for table in map(random_table, range(10)):
        row = generate_ids(models.Table(table), [[0]], settings, end_of_text=END)[0]
        found.append(row.score == pytest.approx(max(scores_of_all(table, words, 0.0).values()), abs=1e-4))
    assert sum(found) >= 8
