import pytest
import torch

from gpt2 import GPT2, PUBLISHED, GPT2Config


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("gpt2", 124_439_808), ("gpt2-medium", 354_823_168), ("gpt2-large", 774_030_080), ("gpt2-xl", 1_557_611_200)],
)
def test_published_sizes_have_the_published_number_of_parameters(name, parameters):
    with torch.device("meta"):
        counted = sum(parameter.numel() for parameter in GPT2(PUBLISHED[name]).parameters())
    assert PUBLISHED[name].n_parameters == counted == parameters


def test_flops_are_those_torch_counts(model, tokens):
    from torch.utils.flop_counter import FlopCounterMode

    config, time = model.config, tokens.shape[1]
    with FlopCounterMode(display=False) as counter:
        model(tokens).sum().backward()
    counted = counter.get_flop_counts()["Global"].items()
    products = sum(flops for operation, flops in counted if "attention" not in str(operation))
    attention = 12 * config.n_layer * config.n_embd * time  # inside torch's fused kernel, counted or not by version
    assert products == tokens.numel() * (config.flops_per_token(time) - attention)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"n_embd": 30}, ["n_embd", "multiple of n_head", "n_embd=30", "n_head=4", "try n_embd=32"]),
        ({"n_layer": 0}, ["n_layer", "at least 1", "got 0"]),
        ({"dropout": 1.0}, ["dropout", "[0, 1)", "got 1.0"]),
        ({"layer_norm_epsilon": 0.0}, ["layer_norm_epsilon", "above 0", "1e-5"]),
    ],
)
def test_impossible_shapes_are_explained(changes, names):
    with pytest.raises(ValueError, match="wanted") as error:
        GPT2Config(**{"n_vocab": 300, "n_ctx": 24, "n_embd": 32, "n_head": 4, "n_layer": 3} | changes)
    assert all(name in str(error.value) for name in names), error.value
