"""A model is decoded without dropout and stays as it was."""

from decoding import GenerationSettings, generate_ids

GREEDY = GenerationSettings(max_new_tokens=50, temperature=0)


PROMPTS = [[3], [1, 4, 1, 5, 9, 2, 6], [5, 3, 5], [8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4]]


def test_a_model_in_training_is_decoded_without_dropout_and_stays_as_it_was(tiny_model):
    expected = generate_ids(tiny_model, PROMPTS, GREEDY)
    tiny_model.train()
    tiny_model.dropout.eval()
    assert generate_ids(tiny_model, PROMPTS, GREEDY) == expected
    assert not tiny_model.dropout.training, "a layer frozen by hand stays frozen"
    tiny_model.dropout.train()
    assert generate_ids(tiny_model, PROMPTS, GREEDY) == expected
    assert tiny_model.training
    assert tiny_model.dropout.training
