"""Beam search gives transformers' ids over many settings, batch or alone, and the best of all where there are few."""

import itertools
import pydoc_data.topics

import pytest
import torch

from decoding import GenerationSettings, generate_ids

PROMPTS = [[3], [1, 4, 1, 5, 9, 2, 6], [5, 3, 5], [8, 9, 7, 9, 3, 2, 3, 8, 4, 6]]
SETTINGS = [
    {"num_beams": 2},
    {"num_beams": 4},
    {"num_beams": 4, "length_penalty": 0.0},
    {"num_beams": 4, "length_penalty": 2.0},
    {"num_beams": 4, "length_penalty": -1.0},
    {"num_beams": 4, "early_stopping": True},
    {"num_beams": 4, "early_stopping": "never"},
    {"num_beams": 4, "early_stopping": "never", "length_penalty": 0.0},
    {"num_beams": 4, "early_stopping": "never", "length_penalty": -0.5},
    {"num_beams": 5, "early_stopping": True, "length_penalty": 0.6},
    {"num_beams": 4, "num_return_sequences": 4},
    {"num_beams": 6, "num_return_sequences": 3, "early_stopping": True},
    {"num_beams": 6, "num_return_sequences": 2, "length_penalty": 1.5, "early_stopping": "never"},
    {"num_beams": 3, "min_new_tokens": 5},
    {"num_beams": 4, "min_new_tokens": 8, "early_stopping": True},
    {"num_beams": 4, "no_repeat_ngram_size": 2},
    {"num_beams": 4, "no_repeat_ngram_size": 3, "length_penalty": 2.0, "early_stopping": True},
    {"num_beams": 3, "repetition_penalty": 1.5},
    {"num_beams": 4, "bad_words_ids": [[11], [5, 3], [7, 8, 9]]},
    {"num_beams": 4, "repetition_penalty": 0.8, "no_repeat_ngram_size": 2, "num_return_sequences": 2},
    {"num_beams": 8, "length_penalty": 0.3, "min_new_tokens": 3, "num_return_sequences": 5},
]
OUR_NAMES = {"num_beams": "beams", "num_return_sequences": "n_best", "bad_words_ids": "banned"}


def ours_of(options, **more):
    values = {OUR_NAMES.get(name, name): value for name, value in options.items()}
    if "banned" in values:
        values["banned"] = tuple(map(tuple, values["banned"]))
    return GenerationSettings(max_new_tokens=12, temperature=0, **values, **more)


def transformers_beams(model, prompt, end, options):
    prompt = torch.tensor([prompt])
    ids = model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        max_new_tokens=12,
        do_sample=False,
        eos_token_id=end,
        pad_token_id=60,
        **options,
    )
    rows = ids[:, prompt.shape[1] :].tolist()
    return [tuple(row[: row.index(end) + 1] if end in row else [i for i in row if i != 60]) for row in rows]


def all_ids(result):
    return [result.ids, *(other.ids for other in result.others)]


@pytest.mark.parametrize("options", SETTINGS, ids=lambda options: ",".join(f"{k}={v}" for k, v in options.items()))
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
def test_beams_equal_those_of_transformers_batch_and_single(models, options, seed):
    theirs = models.transformers_gpt2(seed)
    theirs.lm_head.weight.data[60] = 0  # the padding, never likely
    ours, end, prompts = models.Transformers(theirs), 17, PROMPTS if seed else PROMPTS[1:3]
    expected = [transformers_beams(theirs, prompt, end, options) for prompt in prompts]
    together = generate_ids(ours, prompts, ours_of(options), end_of_text=end)
    assert [all_ids(row) for row in together] == expected
    assert all_ids(generate_ids(ours, prompts[:1], ours_of(options), end_of_text=end)[0]) == expected[0]


GREEDY = [
    {"num_beams": 1},
    {"num_beams": 1, "repetition_penalty": 1.5},
    {"num_beams": 1, "no_repeat_ngram_size": 2, "min_new_tokens": 6},
    {"num_beams": 1, "bad_words_ids": [[32 % 60], [101 % 60, 116 % 60]]},
]


@pytest.fixture(scope="module")
def trained(models):
    """A tiny GPT-2 of transformers that has learned which letters follow each other in English: bytes modulo 60."""
    theirs, text = models.transformers_gpt2(), pydoc_data.topics.topics["assignment"].encode()
    ids = torch.tensor([byte % 60 for byte in text])
    starts = torch.randint(len(ids) - 32, (80, 16), generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.AdamW(theirs.train().parameters(), lr=3e-3)
    for step in starts:
        windows = ids[step[:, None] + torch.arange(32)]
        loss = theirs(windows, labels=windows).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 3.0, "below the entropy of single letters"
    return theirs.eval()


@pytest.mark.parametrize(
    "options", [*GREEDY, *SETTINGS], ids=lambda options: ",".join(f"{k}={v}" for k, v in options.items())
)
def test_ids_of_a_trained_model_equal_those_of_transformers(models, trained, options):
    prompts, end = [[byte % 60 for byte in text] for text in (b"The ", b"an assignment", b"x")], 46
    expected = [transformers_beams(trained, prompt, end, options) for prompt in prompts]
    ours = models.Transformers(trained)
    together = generate_ids(ours, prompts, ours_of(options), end_of_text=end)
    assert [all_ids(row) for row in together] == expected
    assert all_ids(generate_ids(ours, prompts[:1], ours_of(options), end_of_text=end)[0]) == expected[0]


def test_with_as_many_beams_as_sequences_the_best_of_all_is_found(models):
    table = torch.randn(4, 4, generator=torch.Generator().manual_seed(3)) * 2
    log_probabilities = table.log_softmax(-1)
    end, steps = 3, 4
    for length_penalty in (0.0, 1.0, 2.5):
        scores = {}
        for count in range(1, steps + 1):
            for ids in itertools.product(range(4), repeat=count):
                if (end in ids[:-1]) or (count < steps and ids[-1] != end):
                    continue
                total = sum(log_probabilities[a, b].item() for a, b in itertools.pairwise([0, *ids]))
                scores[ids] = total / count**length_penalty
        best = sorted(scores, key=scores.get, reverse=True)[:5]
        settings = GenerationSettings(
            max_new_tokens=steps, temperature=0, beams=100, n_best=5, length_penalty=length_penalty,
            early_stopping="never",
        )  # fmt: skip
        row = generate_ids(models.Table(table), [[0]], settings, end_of_text=end)[0]
        assert all_ids(row) == best
        assert row.score == pytest.approx(scores[best[0]], rel=1e-5)
        assert [other.score for other in row.others] == pytest.approx([scores[ids] for ids in best[1:]], rel=1e-5)


def groups_by_definition(table, end, options, steps):
    """Diverse beam search asked anew at every step: each open group in turn, penalized for what others just took."""
    log_probabilities, size = table.log_softmax(-1), options["beams"] // options["beam_groups"]
    groups = [[((), 0.0)] for _ in range(options["beam_groups"])]
    finished, is_open = [[] for _ in groups], [True for _ in groups]
    for step in range(steps):
        taken = []
        for group in (group for group in range(len(groups)) if is_open[group]):
            found = []
            for ids, total in groups[group]:
                for token in range(len(table)):
                    score = log_probabilities[ids[-1] if ids else 0, token].item()
                    found.append(((*ids, token), total + score - options["diversity_penalty"] * taken.count(token)))
            found = sorted(found, key=lambda pair: -pair[1])[: 2 * size]
            ends = [pair for pair in found[:size] if pair[0][-1] == end or step == steps - 1]
            finished[group] += [(ids, total / len(ids)) for ids, total in ends]
            finished[group] = sorted(finished[group], key=lambda pair: -pair[1])[:size]
            groups[group] = [pair for pair in found if pair[0][-1] != end][:size]
            worst = finished[group][-1][1] if len(finished[group]) == size else -1e9
            is_open[group] = groups[group][0][1] / steps > worst
            taken += [ids[-1] for ids, _ in groups[group]]
    return sorted((score for _, score in itertools.chain(*finished)), reverse=True)


@pytest.mark.parametrize("penalty", [0.1, 0.7, 20.0])
def test_groups_are_kept_apart_as_defined(models, penalty):
    table = torch.randn(6, 6, generator=torch.Generator().manual_seed(5))
    options = {"beams": 4, "beam_groups": 2, "diversity_penalty": penalty}
    settings = GenerationSettings(max_new_tokens=4, temperature=0, n_best=4, early_stopping="never", **options)
    rows = generate_ids(models.Table(table), [[0], [0]], settings, end_of_text=5)
    expected = groups_by_definition(table, 5, options, 4)
    for row in rows:  # by score, because the order of a chain's links does not change its probability
        assert [row.score, *(other.score for other in row.others)] == pytest.approx(expected, rel=1e-5)


def test_sampled_beams_draw_first_steps_without_replacement_in_proportion(models):
    weights = torch.tensor([0.5, 0.3, 0.15, 0.05])
    settings = GenerationSettings(max_new_tokens=1, beams=2, n_best=2, seed=2, early_stopping=True)
    rows = generate_ids(models.Table(weights.log().expand(4, -1)), [[0]] * 1200, settings)
    counts = torch.zeros(4, 4)
    for row in rows:
        (first,), (second,) = sorted(all_ids(row))
        counts[first, second] += 1
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    # The two are drawn one after the other, so a pair comes in either order.
    expected = [(weights[a] * weights[b] * (1 / (1 - weights[a]) + 1 / (1 - weights[b]))).item() for a, b in pairs]
    from scipy.stats import chisquare

    observed = [counts[pair].item() for pair in pairs]
    assert chisquare(observed, [1200 * share / sum(expected) for share in expected]).pvalue > 0.01


def test_a_beam_ends_at_a_stop_string_and_at_the_context(models, tokenizer):
    rows = generate_ids(
        models.Tiny(), [[1] * 40, [2] * 48], GenerationSettings(max_new_tokens=20, temperature=0, beams=3)
    )
    assert [(len(row.ids), row.finish_reason) for row in rows] == [(8, "length"), (0, "length")]
    table = torch.full((257, 257), -9.0)
    table[torch.arange(257), (torch.arange(257) + 1) % 257] = 9.0
    settings = GenerationSettings(max_new_tokens=20, temperature=0, beams=2, stop=("ef",), early_stopping=True)
    row = generate_ids(models.Table(table), [[97]], settings, decode_bytes=tokenizer.decode_bytes)[0]
    assert (bytes(row.ids), row.finish_reason) == (b"bcdef", "stop")


def test_equal_prompts_are_read_once(tiny_model):
    settings = GenerationSettings(max_new_tokens=4, temperature=0.9, beams=3, seed=2)
    prompt, tokens = list(range(20)), []
    apart = [generate_ids(tiny_model, [prompt], settings, first_row=number)[0] for number in range(3)]
    tiny_model.register_forward_hook(lambda module, inputs, output: tokens.append(inputs[0].numel()))
    rows = generate_ids(tiny_model, [prompt] * 3, settings)
    assert tokens == [20] + [3 * 3] * 3
    assert [row.ids for row in rows] == [row.ids for row in apart]


def one_of(words, end, n_vocab):
    """A constraint: one of these sequences, then the end."""

    def allowed(ids):
        mask = torch.zeros(n_vocab, dtype=torch.bool)
        for word in words:
            if tuple(ids) == word[: len(ids)]:
                mask[word[len(ids)] if len(ids) < len(word) else end] = True
        if not mask.any():
            raise ValueError(f"nothing goes on from {ids}")
        return mask

    return allowed


@pytest.mark.parametrize(
    "words", [[(11,), (12,), (13,), (14,)], [(11,)], [(11, 12), (13,), (13, 14, 15)], [()]], ids=str
)
@pytest.mark.parametrize("early", [True, False, "never"])
def test_what_is_finished_counts_where_no_hypothesis_lives_on(models, words, early):
    theirs, end = models.transformers_gpt2(), 7
    constraint = one_of(words, end, 61)
    settings = GenerationSettings(max_new_tokens=12, temperature=0, beams=8, early_stopping=early, n_best=8)
    result = generate_ids(
        models.Transformers(theirs), [[3, 1], [2]], settings, end_of_text=end, constraints=[constraint] * 2
    )
    for prompt, row in zip([[3, 1], [2]], result, strict=True):
        assert {one.ids for one in (row, *row.others)} == {(*word, end) for word in words}
        ids = torch.tensor([prompt])
        wanted = theirs.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False, eos_token_id=end,
            pad_token_id=60, num_beams=8, early_stopping=early, return_dict_in_generate=True, output_scores=True,
            prefix_allowed_tokens_fn=lambda _, so_far, prompt=prompt: allowed_or_all(
                constraint, so_far[len(prompt) :].tolist()
            ),
        )  # fmt: skip
        assert row.ids == tuple(token for token in wanted.sequences[0, len(prompt) :].tolist() if token != 60)
        assert row.score == pytest.approx(wanted.sequences_scores[0].item(), abs=1e-4)


def allowed_or_all(constraint, ids):
    """transformers asks hypotheses that are none, too."""
    try:
        return constraint(ids).nonzero().flatten().tolist()
    except ValueError:
        return list(range(61))


def test_where_nothing_may_come_at_all_the_beams_say_so(models, tiny_model):
    nothing = tuple((token,) for token in range(23))
    with pytest.raises(ValueError, match="wanted at least one token that may come, got none for any beam"):
        generate_ids(tiny_model, [[1]], GenerationSettings(temperature=0, beams=4, banned=nothing))
