"""Ours keep to every claim; what is wrong is caught by the claim that names it."""

import copy

import peft
import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from attention import causal, documents
from finetuning import Adapter, Example, contract, load_adapter, merged, packed_loss, with_adapter
from finetuning.adapters import adapted_layers
from finetuning.contract.answers import EXAMPLES
from finetuning.contract.subject import Subject
from finetuning.packing import collated
from gpt2.files.folder import save_model

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # peft asks transformers


def adapt(model, **changes):
    return with_adapter(model, Adapter(rank=2, alpha=4.0, **changes), generator=torch.Generator().manual_seed(0))


def loss(model, examples):
    return packed_loss(model, collated([[Example(tuple(ids), tuple(learned), 1) for ids, learned in examples]]))


def by_equation(model, scale=2.0):
    """Hu et al. 2021, equation 3, from the matrices by name: W + alpha / rank * B A."""
    return {
        f"{name}.weight": layer.base.weight + scale * layer.up @ layer.down for name, layer in adapted_layers(model)
    }


@pytest.mark.parametrize("changes", [{}, {"method": "dora"}, {"root": True}, {"targets": ("attention.qkv",)}], ids=str)
def test_ours_keep_every_claim(changes):
    plain = "method" not in changes
    held = contract.check(
        lambda model: adapt(model, **changes),
        merge=merged,
        loss=loss,
        reference=(lambda model: by_equation(model, 4 / 2**0.5 if "root" in changes else 2.0)) if plain else None,
    )
    assert len(held) == 12 + plain
    assert len(held.not_judged) == 1 - plain
    assert contract.check(adapt).not_judged == (
        "merging (pass merge=)",
        "the adapter's equation and scale (pass reference=)",
        "which tokens are learned (pass loss=)",
    )


TARGETS = ["attention.qkv", "attention.out", "feed_forward.up", "feed_forward.down"]


def by_peft(**changes):
    """peft's own layers in the model; the contract trains them."""
    config = {"r": 2, "lora_alpha": 4, "target_modules": TARGETS, **changes}
    return lambda model: peft.LoraModel(model, peft.LoraConfig(**config), "default")


def merged_by_peft(model):
    return copy.deepcopy(model).merge_and_unload()


def pefts_equation(scale):
    """The weights that its layers stand for, from its matrices by name."""

    def weights(model):
        state = model.model.state_dict()
        names = [name.removesuffix(".base_layer.weight") for name in state if name.endswith(".base_layer.weight")]
        assert len(names) == 8
        up, down = ".lora_B.default.weight", ".lora_A.default.weight"
        return {
            f"{name}.weight": state[f"{name}.base_layer.weight"] + scale * state[name + up] @ state[name + down]
            for name in names
        }

    return weights


@pytest.mark.parametrize(
    ("changes", "scale"), [({}, 2.0), ({"use_rslora": True}, 4 / 2**0.5), ({"use_dora": True}, None)], ids=str
)
def test_pefts_own_layers_keep_every_claim(changes, scale):
    """Anyone's adapter may be tried: here those that peft puts into the model, and its merging."""
    reference = None if scale is None else pefts_equation(scale)
    held = contract.check(by_peft(**changes), merge=merged_by_peft, loss=loss, reference=reference)
    assert len(held) == 12 + (scale is not None)


@pytest.fixture
def saved_by_peft(tmp_path):
    """Writes an adapter with peft, for the contract's model as transformers opens it."""

    def save(name, **changes):
        (tmp_path / "base").mkdir()
        save_model(tmp_path / "base", Subject(adapt).base(), end_of_text=0)
        base = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
        config = {"r": 2, "lora_alpha": 4, "target_modules": "all-linear", "fan_in_fan_out": True, **changes}
        peft.get_peft_model(base, peft.LoraConfig(task_type="CAUSAL_LM", **config)).save_pretrained(tmp_path / name)
        return tmp_path / name

    return save


@pytest.mark.parametrize(("changes", "scale"), [({}, 2.0), ({"use_rslora": True}, 4 / 2**0.5)], ids=str)
def test_a_folder_that_peft_wrote_keeps_every_claim(saved_by_peft, changes, scale):
    """Opened here, it learns, merges and computes as a new adapter of ours does. DoRA is left out: the lengths that
    peft wrote are rounded in another order, so that new logits move by 4e-7."""
    folder = saved_by_peft("adapter", **changes)
    held = contract.check(
        lambda model: load_adapter(folder, model)[0],
        merge=merged,
        loss=loss,
        reference=lambda model: by_equation(model, scale),
    )
    assert len(held) == 13


def test_a_folder_of_peft_that_begins_with_random_matrices_is_caught(saved_by_peft):
    folder = saved_by_peft("adapter", init_lora_weights=False)
    with pytest.raises(contract.BrokenClaim) as caught:
        contract.check(lambda model: load_adapter(folder, model)[0], merge=merged, loss=loss)
    assert caught.value.claim == "a new adapter changes no bit"


def merged_by_a_wrong_scale(model):
    twin = copy.deepcopy(model)
    for layer in twin.modules():
        if isinstance(layer, peft.tuners.lora.LoraLayer):
            layer.scaling["default"] /= 2
    return twin.merge_and_unload()


@pytest.mark.parametrize(
    ("adapt", "merge", "scale", "claim"),
    [
        (by_peft(init_lora_weights=False), merged_by_peft, 2.0, "a new adapter changes no bit"),
        (by_peft(init_lora_weights="pissa"), merged_by_peft, 2.0, "a new adapter changes no bit"),
        (by_peft(bias="all"), merged_by_peft, 2.0, "frozen weights keep their bits"),
        (by_peft(r=16), merged_by_peft, 0.25, "few weights learn"),
        (by_peft(), lambda model: copy.deepcopy(model).unload(), 2.0, "a merged model computes the same"),
        (by_peft(), merged_by_a_wrong_scale, 2.0, "a merged model computes the same"),
        (by_peft(), lambda model: model.merge_and_unload(), 2.0, "merging leaves the adapter as it was"),
        (by_peft(use_rslora=True), merged_by_peft, 2.0, "the adapted model computes what the reference says"),
    ],
    ids=["random", "pissa", "bias", "large", "unloaded", "scale", "in place", "rslora"],
)
def test_what_peft_can_do_that_breaks_a_claim_is_caught_by_it(adapt, merge, scale, claim):
    with pytest.raises(contract.BrokenClaim) as caught:
        contract.check(adapt, merge=merge, loss=loss, reference=pefts_equation(scale))
    assert caught.value.claim == claim


def random_up(model):
    changed = adapt(model)
    for _, layer in adapted_layers(changed):
        layer.up.data.normal_(std=1e-3)
    return changed


def thawed(model):
    return adapt(model).requires_grad_(True)


def trains_norms(model):
    changed = adapt(model)
    changed.final_norm.requires_grad_(True)
    return changed


def half_trained(model):
    changed = adapt(model)
    for _, layer in adapted_layers(changed):
        layer.register_buffer("frozen", layer.down.detach())
        layer.forward = lambda x, own=layer: own.base(x) + (x @ own.frozen.T) @ own.up.T * own.scale
    return changed


def frozen_up(model):
    changed = adapt(model)
    for _, layer in adapted_layers(changed):
        layer.up.requires_grad_(False)
    return changed


def nothing_learns(model):
    return adapt(model).requires_grad_(False)


def decays_the_base(model):
    """Folds the decay of the frozen weights into every call."""
    changed = adapt(model)
    for _, layer in adapted_layers(changed):
        plain = layer.forward

        def forward(x, plain=plain, layer=layer):
            layer.base.weight.data *= 0.999 if torch.is_grad_enabled() else 1.0
            return plain(x)

        layer.forward = forward
    return changed


def scaled(factor):
    """An adapter whose scale is `factor` times too large, merging included."""

    def wrong(model):
        changed = adapt(model)
        for _, layer in adapted_layers(changed):
            layer.scale *= factor
        return changed

    return wrong


def through_an_activation(model):
    changed = adapt(model)
    for _, layer in adapted_layers(changed):
        layer.forward = lambda x, own=layer: own.base(x) + (x @ own.down.T).relu() @ own.up.T * own.scale
    return changed


def drops_in_evaluation(model):
    changed = adapt(model)
    for _, layer in adapted_layers(changed):
        layer.forward = lambda x, own=layer: (
            own.base(x) + (nn.functional.dropout(x, 0.5, training=True) @ own.down.T @ own.up.T * own.scale)
        )
    return changed


def one_layer_left_out(model):
    changed = adapt(model)
    _, last = list(adapted_layers(changed))[-1]
    last.forward = lambda x: last.base(x) + 1e-3 * (x @ last.down.T @ last.up.T)
    return changed


def unconnected(model):
    changed = adapt(model)
    changed.lost = nn.Parameter(torch.zeros(3))
    return changed


def asleep(model):
    changed = adapt(model)
    for _, layer in adapted_layers(changed):
        layer.forward = lambda x, own=layer: own.base(x) + 0.0 * (x @ own.down.T @ own.up.T)
    return changed


def large(model):
    return with_adapter(model, Adapter(rank=16, alpha=16.0))


def merged_without_scale(model):
    twin = copy.deepcopy(model)
    for _, layer in adapted_layers(twin):
        layer.scale = 1.0
    return merged(twin)


def merged_in_place(model):
    plain = merged(model)
    for _, layer in adapted_layers(model):
        layer.base.weight.data.copy_(layer.merged_weight())
    return plain


def not_merged(model):
    return copy.deepcopy(model)


ADAPTERS = [
    (random_up, "a new adapter changes no bit"),
    (half_trained, "every weight of the adapter learns"),
    (unconnected, "every weight of the adapter learns"),
    (asleep, "every weight of the adapter learns"),
    (thawed, "frozen weights keep their bits"),
    (trains_norms, "frozen weights keep their bits"),
    (large, "few weights learn"),
    (nothing_learns, "every weight of the adapter learns"),
    (decays_the_base, "frozen weights keep their bits"),
    (frozen_up, "every weight of the adapter learns"),
]


@pytest.mark.parametrize(("wrong", "claim"), ADAPTERS)
def test_wrong_adapters_are_caught_by_the_claim_that_names_it(wrong, claim):
    with pytest.raises(contract.BrokenClaim) as caught:
        contract.check(wrong, merge=merged, loss=loss)
    assert caught.value.claim == claim


UNSCALED = [scaled(0.5), scaled(2.0), through_an_activation, drops_in_evaluation, one_layer_left_out]


@pytest.mark.parametrize("wrong", UNSCALED, ids=lambda wrong: wrong.__name__)
def test_an_adapter_that_every_claim_passes_is_caught_by_the_reference(wrong):
    contract.check(wrong)
    with pytest.raises(contract.BrokenClaim) as caught:
        contract.check(wrong, reference=by_equation)
    assert caught.value.claim == "the adapted model computes what the reference says"


MERGES = [
    (merged_without_scale, "a merged model computes the same"),
    (not_merged, "a merged model has the weights of a plain one"),
    (merged_in_place, "merging leaves the adapter as it was"),
    (lambda model: None, "a merged model computes the same"),
]


@pytest.mark.parametrize(("wrong", "claim"), MERGES)
def test_wrong_merging_is_caught(wrong, claim):
    with pytest.raises(contract.BrokenClaim) as caught:
        contract.check(adapt, merge=wrong)
    assert caught.value.claim == claim


def learns_prompts(model, examples):
    return loss(model, [(ids, [True] * len(ids)) for ids, _ in examples])


def off_by_one(model, examples):
    return loss(model, [(ids, [*learned[1:], False]) for ids, learned in examples])


def mean(model, examples):
    total, count = loss(model, examples)
    return total / count, count


def without_segments(model, examples):
    tokens, targets, _, _ = collated([[Example(tuple(i), tuple(m), 1) for i, m in examples]])
    return model.loss(tokens, targets)


def positions_go_on(model, examples):
    tokens, targets, _, segments = collated([[Example(tuple(i), tuple(m), 1) for i, m in examples]])
    state = model.token_embedding(tokens) + model.position_embedding(torch.arange(tokens.shape[1])[None])
    mask = (causal() & documents(segments)).dense(1, tokens.shape[1], tokens.shape[1])
    logits = model.token_embedding.logits(model.final_norm(model.decoder(state, mask=mask)))
    real = targets >= 0
    return nn.functional.cross_entropy(logits[real], targets[real], reduction="sum"), real.sum()


def leaks_gradient(model, examples):
    """The right number, and a gradient of the prompts beside it."""
    total, count = loss(model, examples)
    other, _ = learns_prompts(model, examples)
    return total + other - other.detach(), count


def reads_what_follows(model, examples):
    """The right number of the examples as they come, and another where ids after the last answer do."""
    total, count = loss(model, examples)
    known = [given for given, _ in EXAMPLES]
    after = sum(0 if tuple(ids) in known else sum(ids[-2:]) for ids, _ in examples)
    return total + 0.01 * after, count


def counts_all(model, examples):
    total, _ = loss(model, examples)
    return total, sum(len(ids) - 1 for ids, _ in examples)


LOSSES = [
    (learns_prompts, "the loss is the sum over learned tokens"),
    (off_by_one, "the loss is the sum over learned tokens"),
    (mean, "the loss is the sum over learned tokens"),
    (counts_all, "the loss is the sum over learned tokens"),
    (leaks_gradient, "tokens that are not learned have no gradient"),
    (without_segments, "examples beside each other do not touch"),
    (positions_go_on, "examples beside each other do not touch"),
    (reads_what_follows, "what follows the last answer changes nothing"),
]


@pytest.mark.parametrize(("wrong", "claim"), LOSSES)
def test_wrong_losses_are_caught(wrong, claim):
    with pytest.raises(contract.BrokenClaim) as caught:
        contract.check(adapt, loss=wrong)
    assert caught.value.claim == claim


def test_every_claim_catches_somebody():
    caught = [claim for _, claim in [*ADAPTERS, *MERGES, *LOSSES]]
    held = contract.check(adapt, merge=merged, loss=loss)
    assert set(held) - set(caught) == {"learning changes what is computed"}  # what breaks it breaks one before it, too


WRONG = [*ADAPTERS, *UNSCALED, *MERGES, *LOSSES]


def test_the_wrong_ones_are_counted():
    assert len(WRONG) == 27
