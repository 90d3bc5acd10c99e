"""`contract.check(adapt, merge=…, loss=…)`: the claims that hold of anyone's adapter, or the first that breaks."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from workbench import Broken, BrokenClaim, Held

from .adapting import ADAPTER_CLAIMS, MERGE_CLAIMS, REFERENCE_CLAIMS
from .answers import LOSS_CLAIMS, ExampleLoss
from .subject import Subject

Adapt = Callable[[Any], nn.Module]
Merge = Callable[[Any], nn.Module]
Reference = Callable[[Any], Mapping[str, Tensor]]


def check(
    adapt: Adapt,
    *,
    merge: Merge | None = None,
    loss: ExampleLoss | None = None,
    reference: Reference | None = None,
) -> Held:
    """Try every claim and return those that held; raise `BrokenClaim` (an AssertionError) at the first that did not.

    adapt: given a small `gpt2.GPT2`, whose weights it may share and freeze, returns a model of the same call with a
        new adapter; what of it shall learn has `requires_grad`.
    merge: given what `adapt` returned, returns a plain model that computes the same.
    loss: `loss(model, examples)` of several (ids, learned): the summed nats of the ids that are learned, each read
        after those before it in its own example, and how many they are.
    reference: given what `adapt` returned, the weights that the adapted layers stand for, by the names of the plain
        model, as W + alpha / rank * B A: matrices and scale are judged against them alone.
    """
    groups = [(ADAPTER_CLAIMS, True, ""), (MERGE_CLAIMS, merge is not None, "merging (pass merge=)")]
    groups += [(REFERENCE_CLAIMS, reference is not None, "the adapter's equation and scale (pass reference=)")]
    groups += [(LOSS_CLAIMS, loss is not None, "which tokens are learned (pass loss=)")]
    held: list[str] = []
    for claims, is_given, _ in groups:
        for claim in claims if is_given else ():
            words = claim.__name__.replace("_", " ")
            subject = Subject(adapt, merge, loss, reference)
            try:
                evidence = claim(subject)
            except Exception as error:
                raise BrokenClaim(Broken(words, f"it raised {type(error).__name__}: {error}", subject.shape)) from error
            if evidence is not None:
                raise BrokenClaim(Broken(words, evidence, subject.shape))
            held.append(words)
    return Held(held, [what for _, is_given, what in groups if not is_given])
