"""Claims about an adapter: what may change, what must not, and what merging gives."""

from collections.abc import Callable

import torch

from .subject import Subject

Claim = Callable[[Subject], str | None]
TOLERANCE = 1e-5
"""Of logits that are merged, relative to the largest."""


def a_new_adapter_changes_no_bit(subject: Subject) -> str | None:
    before = subject.logits(subject.base())
    after = subject.logits(subject.adapt(subject.base()))
    apart = float((after - before).abs().max())
    return None if torch.equal(before, after) else f"logits moved by {apart:.2g}; let the last matrix begin with zeros"


def few_weights_learn(subject: Subject) -> str | None:
    base = subject.base()
    everything = sum(parameter.numel() for parameter in base.parameters())
    learning = sum(parameter.numel() for parameter in subject.learners(subject.adapt(base)).values())
    if not learning:
        return "no parameter requires a gradient"
    return f"{learning:,} weights learn beside {everything:,} of the model" if 2 * learning > everything else None


def every_weight_of_the_adapter_learns(subject: Subject) -> str | None:
    model = subject.adapt(subject.base())
    before = {name: parameter.detach().clone() for name, parameter in subject.learners(model).items()}
    without: list[str] = []
    tokens = subject.tokens()
    subject.trained(model, 2)  # where one factor begins with zeros, the other has no gradient at first
    model(tokens).square().sum().backward()
    for name, parameter in subject.learners(model).items():
        if parameter.grad is None or not parameter.grad.any() or torch.equal(parameter, before[name]):
            without.append(name)
    return f"no gradient reaches {', '.join(without[:3])}" if without else None


def learning_changes_what_is_computed(subject: Subject) -> str | None:
    model = subject.adapt(subject.base())
    before = subject.logits(model)
    after = subject.logits(subject.trained(model))
    return "three steps later the logits are the same" if torch.equal(before, after) else None


def frozen_weights_keep_their_bits(subject: Subject) -> str | None:
    base = subject.base()
    originals = {name: parameter.detach().clone() for name, parameter in base.named_parameters()}
    model = subject.trained(subject.adapt(base))
    kept = [tensor for tensor in model.state_dict().values()]
    lost = [name for name, was in originals.items() if not any(torch.equal(was, tensor) for tensor in kept)]
    return f"after three steps {', '.join(lost[:3])} is another than before" if lost else None


def a_merged_model_computes_the_same(subject: Subject) -> str | None:
    assert subject.merge is not None
    model = subject.trained(subject.adapt(subject.base()))
    wanted = subject.logits(model)
    got = subject.logits(subject.merge(model))
    apart, allowed = float((got - wanted).abs().max()), TOLERANCE * max(1.0, float(wanted.abs().max()))
    return None if apart <= allowed else f"logits moved by {apart:.2g} (allowed {allowed:.1g})"


def a_merged_model_has_the_weights_of_a_plain_one(subject: Subject) -> str | None:
    assert subject.merge is not None
    base = subject.base()
    wanted = {name: tuple(tensor.shape) for name, tensor in base.state_dict().items()}
    merged = subject.merge(subject.adapt(base)).state_dict()
    got = {name: tuple(tensor.shape) for name, tensor in merged.items()}
    different = sorted(name for name in wanted.keys() | got.keys() if wanted.get(name) != got.get(name))
    return f"other names or shapes: {', '.join(different[:3])}" if different else None


def merging_leaves_the_adapter_as_it_was(subject: Subject) -> str | None:
    assert subject.merge is not None
    model = subject.trained(subject.adapt(subject.base()))
    before = subject.logits(model)
    subject.merge(model)
    return None if torch.equal(subject.logits(model), before) else "after merging, the adapted model computes otherwise"


def the_adapted_model_computes_what_the_reference_says(subject: Subject) -> str | None:
    assert subject.reference is not None
    model = subject.trained(subject.adapt(subject.base())).eval()
    plain = subject.base()
    weights = {name: tensor.detach() for name, tensor in subject.reference(model).items()}
    if strange := sorted(weights.keys() - plain.state_dict().keys()):
        raise ValueError(f"wanted names of the plain model's weights, got {', '.join(strange[:3])}; correct reference")
    plain.load_state_dict(plain.state_dict() | weights)
    wanted, got = subject.logits(plain), subject.logits(model)
    apart, allowed = float((got - wanted).abs().max()), TOLERANCE * max(1.0, float(wanted.abs().max()))
    return None if apart <= allowed else f"logits are off those of its weights by {apart:.2g} (allowed {allowed:.1g})"


ADAPTER_CLAIMS: tuple[Claim, ...] = (
    a_new_adapter_changes_no_bit,
    every_weight_of_the_adapter_learns,
    learning_changes_what_is_computed,
    frozen_weights_keep_their_bits,
    few_weights_learn,
)
MERGE_CLAIMS: tuple[Claim, ...] = (
    a_merged_model_computes_the_same,
    a_merged_model_has_the_weights_of_a_plain_one,
    merging_leaves_the_adapter_as_it_was,
)
REFERENCE_CLAIMS: tuple[Claim, ...] = (the_adapted_model_computes_what_the_reference_says,)
