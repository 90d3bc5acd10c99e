"""The tuned lens: nearer to the end at every place, on text that it was not fitted on; and its file."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gpt2 import GPT2, GPT2Config
from interpretability import TunedLens, lens_divergences, lens_places, load_lens, save_lens, tune_lens


def tiny(seed: int = 0, n_layer: int = 3) -> GPT2:
    config = GPT2Config(n_vocab=300, n_ctx=16, n_embd=16, n_head=2, n_layer=n_layer)
    model = GPT2(config, generator=torch.Generator().manual_seed(seed)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(8)
    return model


def some_tokens(rows: int = 2, length: int = 10, seed: int = 0) -> torch.Tensor:
    return torch.randint(300, (rows, length), generator=torch.Generator().manual_seed(seed))


def fitted(steps: int = 4) -> TunedLens:
    *_, tuned = tune_lens(tiny(), some_tokens(96, 16, seed=1).split(16), steps=steps)
    return tuned


def test_the_distance_to_the_end_is_at_least_halved_at_every_place() -> None:
    model, others = tiny(), [some_tokens(16, 16, seed=2)]
    plain, tuned = lens_divergences(model, others), lens_divergences(model, others, fitted(12))
    assert all(tuned[place] <= 0.5 * plain[place] for place in lens_places(model)[:-1]), (plain, tuned)
    assert tuned["2.resid_post"] == 0.0


def test_descending_brings_it_nearer_than_least_squares_alone() -> None:
    model, windows = tiny(), some_tokens(96, 16, seed=1).split(16)
    steps = list(tune_lens(model, windows, steps=12))
    first, last = (lens_divergences(model, windows, steps[at]) for at in (0, -1))
    assert len(steps) == 13
    assert sum(last.values()) < sum(first.values())


def test_fitting_leaves_the_model_as_it_was_and_comes_out_the_same_twice() -> None:
    model = tiny()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    *_, once = tune_lens(model, [some_tokens()], steps=2)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())
    *_, again = tune_lens(tiny(), [some_tokens()], steps=2)
    assert all(torch.equal(once[place].matrix, again[place].matrix) for place in once)


def test_a_file_gives_the_same_lens_back(tmp_path: Path) -> None:
    tuned, path = fitted(), tmp_path / "new" / "lens.safetensors"
    save_lens(path, tuned, tiny())
    opened = load_lens(path, tiny())
    assert list(opened) == list(tuned)
    for place, one in tuned.items():
        assert torch.equal(opened[place].matrix, one.matrix)
        assert torch.equal(opened[place].bias, one.bias)


def test_files_that_hold_no_lens_of_this_model_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "lens.safetensors"
    with pytest.raises(ValueError, match=r"wanted a tuned lens, got no such file; make one with .*--tune"):
        load_lens(path, tiny())
    save_lens(path, fitted(), tiny())
    with pytest.raises(ValueError, match="of other weights"):
        load_lens(path, tiny(seed=1))
    with pytest.raises(ValueError, match="wanted one for 4 places"):
        load_lens(path, tiny(n_layer=2))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="damaged"):
        load_lens(path, tiny())
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="other tensors"):
        load_lens(path, tiny())
    with pytest.raises(ValueError, match="wanted windows"):
        list(tune_lens(tiny(), []))
