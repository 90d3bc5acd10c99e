"""A dictionary of features in SAELens, which opens it as it is.

For the session `parity-sae-lens`, whose environment has sae-lens; skipped elsewhere. The layout is tested without it in
tests/features/test_folders.py.
"""

import pytest
import torch

from interpretability import SparseAutoencoder, editing, load_features, save_features

sae_lens = pytest.importorskip("sae_lens", reason="opens a dictionary with SAELens: nox -s parity-sae-lens")


def random_autoencoder(width=24):
    draw = torch.Generator().manual_seed(0)
    parts = [torch.randn(*shape, generator=draw) for shape in ((80, width), (80,), (80, width), (width,))]
    return SparseAutoencoder("1.resid_pre", 5, *parts)


def test_saelens_opens_our_folder_and_computes_the_same(tmp_path, model, tokens):
    ours = random_autoencoder()
    save_features(tmp_path, ours, model)
    theirs = sae_lens.SAE.load_from_disk(str(tmp_path))
    seen = []
    with torch.no_grad(), editing(model, {"1.resid_pre": lambda x: seen.append(x) or ours(x)}):
        model(tokens)
    with torch.no_grad():
        torch.testing.assert_close(theirs(seen[0]), ours(seen[0]), atol=1e-4, rtol=1e-4)
        values, features = ours.encode(seen[0])
        dense = torch.zeros(*features.shape[:-1], 80).scatter(-1, features, values)
        torch.testing.assert_close(theirs.encode(seen[0]), dense, atol=1e-4, rtol=1e-4)
    assert theirs.cfg.metadata.hook_name == "blocks.1.hook_resid_pre"


def test_we_open_what_saelens_saves(tmp_path, model):
    save_features(tmp_path / "ours", random_autoencoder(), model)
    theirs = sae_lens.SAE.load_from_disk(str(tmp_path / "ours"))
    theirs.save_model(str(tmp_path / "theirs"))
    again = load_features(tmp_path / "theirs", model)
    assert (again.place, again.k) == ("1.resid_pre", 5)
    x = torch.randn(7, 24, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(again(x), theirs(x), atol=1e-4, rtol=1e-4)
