"""One step: what is reported is the model's own, and what leaves nothing to choose is refused."""

import pytest
import torch

from decoding import GenerationSettings, generate_ids

GREEDY = GenerationSettings(max_new_tokens=50, temperature=0)


PROMPTS = [[3], [1, 4, 1, 5, 9, 2, 6], [5, 3, 5], [8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4]]


def test_log_probabilities_are_the_models_own_and_the_likeliest_come_first(tiny_model):
    settings = GenerationSettings(max_new_tokens=6, temperature=0.5, top_k=3, seed=1, log_probabilities=4)
    rows = generate_ids(tiny_model, PROMPTS, settings)
    for prompt, row in zip(PROMPTS, rows, strict=True):
        logits = tiny_model(torch.tensor([[*prompt, *row.ids]]))[0, len(prompt) - 1 : -1].log_softmax(-1)
        expected = logits.gather(1, torch.tensor(row.ids)[:, None]).squeeze(1)
        assert torch.allclose(torch.tensor(row.log_probabilities), expected, atol=1e-5)
        assert [[token for token, _ in place] for place in row.likeliest] == logits.topk(4).indices.tolist()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_logits_that_are_no_distribution_are_an_error(models, bad):
    table = torch.zeros(3, 3)
    table[1, 2] = bad
    with pytest.raises(ValueError, match=r"finite logits, got .* in row 1 of 2; check"):
        generate_ids(models.Table(table), [[0], [1]], GREEDY)
