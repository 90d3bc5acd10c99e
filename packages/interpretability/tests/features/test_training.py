"""Training: it learns, comes out the same twice, leaves the model alone, and wakes dead features."""

import pytest
import torch

from gpt2 import GPT2, GPT2Config
from interpretability import FeatureStep, judge_features, train_features
from interpretability.features import training


def tiny() -> GPT2:
    config = GPT2Config(n_vocab=60, n_ctx=16, n_embd=16, n_head=2, n_layer=2)
    model = GPT2(config, generator=torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(8)
    return model


def windows(seed: int = 0) -> list[torch.Tensor]:
    return list(torch.randint(60, (64, 16), generator=torch.Generator().manual_seed(seed)).split(16))


def trained(steps: int = 60, place: str = "0.resid_post", **options: int) -> list[FeatureStep]:
    return list(train_features(tiny(), place, windows(), n_features=64, k=6, steps=steps, **options))


def test_features_come_to_say_most_of_what_stands_there() -> None:
    steps = trained(120)
    assert [step.number for step in steps] == list(range(1, 121))
    assert steps[-1].unexplained < 0.5 * steps[0].unexplained
    report = judge_features(tiny(), steps[-1].autoencoder(), windows(seed=1))
    assert report.active <= 6
    assert report.explained > 0.5
    assert report.loss == pytest.approx(report.loss_with_features, abs=1.0)
    directions = steps[-1].autoencoder().decoder
    assert torch.allclose(directions.norm(dim=-1), torch.ones(64), atol=1e-5)


def test_it_comes_out_the_same_twice_and_leaves_the_model_as_it_was() -> None:
    once, again = (trained(5, seed=3)[-1].autoencoder() for _ in range(2))
    assert torch.equal(once.encoder, again.encoder)
    model = tiny()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    list(train_features(model, "0.resid_post", windows(), n_features=64, k=6, steps=3))
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_dead_features_learn_what_the_living_ones_leave_unsaid_and_nothing_else() -> None:
    """Section 2.4 of the paper: the k_aux highest dead features against what is left, without changing what is left."""
    x = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))
    dictionary = training._Dictionary(x, x.mean(0), 1.0, 60, 3, 0)
    dictionary.unused[:] = training.DEAD_AFTER
    unexplained, missed = dictionary.losses(x)
    dead = dictionary.unused >= training.DEAD_AFTER
    assert 48 <= int(dead.sum()) < 60  # those that were used just now are no longer dead
    with torch.no_grad():
        pre = (x - dictionary.center) @ dictionary.encoder.T + dictionary.bias
        alive = pre.topk(3, dim=-1)
        left = x - torch.zeros_like(pre).scatter(-1, alive.indices, alive.values.relu()) @ dictionary.decoder
        left = left - dictionary.center
        weak = torch.where(dead, pre, torch.tensor(-torch.inf)).topk(8, dim=-1)
        said = torch.zeros_like(pre).scatter(-1, weak.indices, weak.values.relu()) @ dictionary.decoder
    spread = left.var(0, correction=0).mean().item()
    assert unexplained.item() == pytest.approx(
        left.square().mean().item() / x.var(0, correction=0).mean().item(), rel=1e-4
    )
    assert missed.item() == pytest.approx((left - said).square().mean().item() / spread, rel=1e-4)
    by_left = torch.autograd.grad(missed, dictionary.decoder, retain_graph=True)[0].abs().sum(1)
    by_all = torch.autograd.grad(unexplained, dictionary.decoder)[0].abs().sum(1)
    assert (by_left[~dead] == 0).all()
    assert (by_left[dead] > 0).sum() >= 8
    assert (by_all[dead] == 0).all()
    assert (by_all[~dead] > 0).any()


class SparseSums(training._Activations):
    """What an autoencoder should find: each vector is a sum of three of forty directions."""

    def __init__(self) -> None:
        self.place = "0.resid_post"

    def __getitem__(self, number: int) -> torch.Tensor:
        directions = torch.randn(40, 16, generator=torch.Generator().manual_seed(99))
        generator = torch.Generator().manual_seed(number)
        drawn = torch.rand(256, 40, generator=generator).topk(3, dim=-1).indices
        strengths = torch.rand(256, 3, generator=generator) + 0.5
        return torch.zeros(256, 40).scatter(1, drawn, strengths) @ torch.nn.functional.normalize(directions, dim=-1)


@pytest.mark.parametrize("killed", ["below zero everywhere", "too weak to be among the highest"])
def test_features_made_dead_come_back(killed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss of the dead revives what is too weak; what is below zero has no gradient, and is put anew."""
    batches = SparseSums()
    x = batches[0]

    def in_use(put_anew_after: int) -> tuple[int, float]:
        monkeypatch.setattr(training, "PUT_ANEW_AFTER", put_anew_after)
        dictionary = training._Dictionary(x, x.mean(0), 3.0, 64, 3, 0)
        with torch.no_grad():
            if killed.startswith("below"):
                dictionary.bias[:32] = -20
            else:
                dictionary.encoder[:32] *= 0.05
        *_, last = training._steps(dictionary, batches, 200, training.RATE)
        values, used = last.autoencoder().encode(torch.cat([batches[number] for number in range(1000, 1008)]))
        return len(used[values > 0].unique()), last.unexplained

    usual = training.PUT_ANEW_AFTER
    (alone, left), (revived, less_left) = in_use(1000), in_use(usual)
    assert alone == 32 if killed.startswith("below") else alone > 45
    assert revived >= 60
    assert less_left < left + 0.01


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("*.resid_post", "wanted one inside the model, got 2"),
        ("logits", "the logits"),
        ("0.attention.pattern", "one vector a token"),
        ("0.resid", "did you mean"),
    ],
)
def test_a_place_that_will_not_do_is_refused(place: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        trained(1, place)


def test_counts_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match=r"k: wanted 1\.\.8"):
        train_features(tiny(), "0.resid_post", windows(), n_features=8, k=9)
    with pytest.raises(ValueError, match="wanted windows"):
        train_features(tiny(), "0.resid_post", [])


def dictionary() -> tuple[training._Dictionary, torch.Tensor]:
    """One with biases, for inputs five times as large as it works on."""
    draw = torch.Generator().manual_seed(0)
    x = 5 * torch.randn(64, 8, generator=draw) + 3
    made = training._Dictionary(x, x.mean(dim=0), 0.2, 16, 4, seed=0)
    with torch.no_grad():
        made.bias.copy_(torch.randn(16, generator=draw))
    return made, x


@torch.no_grad()
def test_the_result_is_in_the_units_of_the_place() -> None:
    learning, x = dictionary()
    pre = (x * 0.2 - learning.center) @ learning.encoder.T + learning.bias
    values, used = pre.topk(4, dim=-1)
    wanted = torch.zeros_like(pre).scatter(1, used, values.relu()) @ learning.decoder + learning.center
    torch.testing.assert_close(learning.finished("0.resid_post")(x), wanted / 0.2)


@torch.no_grad()
def test_a_feature_that_is_chosen_below_zero_is_not_used() -> None:
    learning, x = dictionary()
    learning.bias[:14] = -1e3  # two are left, and four are chosen
    learning.losses(x)
    assert (learning.unused[:14] == 1).all()
    assert (learning.unused[14:] == 0).any()
