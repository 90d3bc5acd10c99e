"""The autoencoder, against its formula written out with dense matrices."""

import torch

from interpretability import SparseAutoencoder
from interpretability.features.autoencoder import weighted_sum


def random_autoencoder(k: int = 3) -> SparseAutoencoder:
    draw = torch.Generator().manual_seed(0)
    parts = [torch.randn(*shape, generator=draw) for shape in ((20, 6), (20,), (20, 6), (6,))]
    return SparseAutoencoder("0.resid_post", k, *parts)


def test_it_is_the_formula_of_the_paper() -> None:
    autoencoder = random_autoencoder()
    x = torch.randn(4, 5, 6, generator=torch.Generator().manual_seed(1))
    pre = torch.einsum("btc,fc->btf", x - autoencoder.center, autoencoder.encoder) + autoencoder.encoder_bias
    threshold = pre.sort(dim=-1, descending=True).values[..., 2:3]
    strengths = torch.where(pre >= threshold, pre.clamp_min(0), torch.zeros(()))
    wanted = strengths @ autoencoder.decoder + autoencoder.center
    assert torch.allclose(autoencoder(x), wanted, atol=1e-5)
    values, features = autoencoder.encode(x)
    assert values.shape == features.shape == (4, 5, 3)
    assert torch.equal(torch.zeros_like(pre).scatter(-1, features, values), strengths)


def test_no_strength_is_negative_even_where_too_few_are_positive() -> None:
    autoencoder = random_autoencoder(k=20)
    values, _ = autoencoder.encode(torch.zeros(1, 6))
    assert values.min() == 0.0
    assert values.max() > 0.0


def test_a_weighted_sum_has_the_gradient_of_the_dense_product() -> None:
    table = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    values = torch.rand(2, 4, dtype=torch.float64, requires_grad=True)
    rows = torch.tensor([[0, 1, 2, 3], [6, 5, 1, 0]])
    assert torch.autograd.gradcheck(lambda v, t: weighted_sum(v, rows, t), (values, table))
