"""Claims about masks, steps and gradients, in the form of `contract_causal`."""

import torch

from ..masks.text import padding
from ..reference import attend_reference
from .evidence import Claim, differ, joined, span, strange
from .subjects import ModuleSubject, Shape, Subject


def hidden_tokens_change_nothing(subject: Subject, shape: Shape) -> str | None:
    inputs, (batch, _, length, _) = subject.inputs(shape), shape
    for real in sorted({1, length // 2, length - 1} - {0}):
        mask = padding(torch.full((batch,), real)).dense(batch, length, length)
        alone = subject.run(span(inputs, 0, real), None)
        hidden = subject.run(joined(span(inputs, 0, real), span(strange(subject, shape), real)), mask)
        evidence = differ(
            hidden[..., :real, :],
            alone,
            f"tokens from {real} on were hidden, and the others' outputs differ from what they are alone by",
        )
        if evidence:
            return evidence
    return None


def the_order_of_tokens_changes_only_the_order_of_outputs(subject: Subject, shape: Shape) -> str | None:
    inputs = subject.inputs(shape)
    turned = subject.run([x.flip(-2) for x in inputs], None)
    return differ(
        turned.flip(-2),
        subject.run(inputs, None),
        "without a mask all tokens were put in another order, and their outputs moved by",
    )


def a_query_that_sees_nothing_gives_zeros(subject: Subject, shape: Shape) -> str | None:
    """A module adds biases behind the attention, so of it only a result without NaN is asked, forwards and
    backwards."""
    inputs, (batch, _, length, _) = [x.requires_grad_() for x in subject.inputs(shape)], shape
    mask = torch.ones(batch, 1, length, length, dtype=torch.bool)
    mask[:, :, -1] = False
    with torch.enable_grad():
        output = subject.run(inputs, mask)
        slopes = torch.autograd.grad(output.sum(), inputs)
    if not all(bool(x.isfinite().all()) for x in (output, *slopes)):
        return "the last query sees nothing, and NaN or infinity came out, or came back as a gradient"
    blank = isinstance(subject, ModuleSubject) or not (output[..., -1, :].any() or slopes[0][..., -1, :].any())
    return None if blank else "the last query sees nothing, yet its output or its gradient is not zero"


def steps_give_what_the_whole_gives(subject: Subject, shape: Shape) -> str | None:
    inputs, length = subject.inputs(shape), shape[2]
    whole = subject.causal(inputs)
    for sizes in ([length], [1] * length, [length - length // 2, length // 2] if length > 1 else [1]):
        evidence = differ(
            subject.steps(inputs, sizes), whole, f"tokens came in steps of {sizes}, and the outputs moved by"
        )
        if evidence:
            return evidence
    return None


def rows_of_different_lengths_in_a_cache_do_not_touch(subject: Subject, shape: Shape) -> str | None:
    """Row r holds as many tokens less r, the rest of it being padding; then each row gets one more token."""
    assert isinstance(subject, ModuleSubject)
    (x,), (token,) = subject.inputs(shape), subject.inputs((*shape[:2], 1, shape[3]), seed=2)
    lengths = (shape[2] - torch.arange(shape[0])).clamp(min=0)
    cache = subject.made_cache(shape[0], shape[2] + 1)
    subject.module(x, cache=cache.layer(0))
    cache.advance(shape[2], lengths)
    together = subject.module(token, cache=cache.layer(0))
    rows = [torch.cat([x[r, :n], token[r]])[None] for r, n in enumerate(lengths.tolist())]
    alone = torch.cat([subject.causal([row])[:, -1:] for row in rows])
    return differ(
        together, alone, f"rows held {lengths.tolist()} tokens, and the next output differs from the row alone by"
    )


def gradients_are_slopes(subject: Subject, shape: Shape) -> str | None:
    if shape[2] > 3:  # finite differences are slow, and small shapes tell as much
        return None
    exact, inputs = subject.to(torch.float64), subject.inputs(shape, dtype=torch.float64)
    with torch.enable_grad():
        inputs = tuple(x.requires_grad_() for x in inputs)
        same = torch.autograd.gradcheck(
            lambda *given: exact.causal(given), inputs, raise_exception=False, fast_mode=True
        )
    return None if same else "the gradient of the input is not what finite differences give"


def every_weight_learns(subject: Subject, shape: Shape) -> str | None:
    weights = dict(subject.weights())
    if not weights:
        return None
    with torch.enable_grad():
        total = subject.causal(subject.inputs(shape)).square().sum()
        slopes = torch.autograd.grad(total, list(weights.values()), allow_unused=True)
    idle = [name for name, slope in zip(weights, slopes, strict=True) if slope is None]
    return f"no gradient reaches {', '.join(idle)}" if idle else None


def the_output_is_that_of_the_equation(subject: Subject, shape: Shape) -> str | None:
    q, k, v = inputs = subject.inputs(shape)
    mask = torch.rand(shape[0], 1, shape[2], shape[2], generator=torch.Generator().manual_seed(3)) < 0.7
    for given, where in ((None, "without a mask"), (mask, "with a random mask")):
        evidence = differ(
            subject.run(inputs, given),
            attend_reference(q, k, v, given)[0],
            f"{where} the output is off softmax(q k^T / sqrt(D)) v by",
        )
        if evidence:
            return evidence
    return None


MASK_CLAIMS: tuple[Claim, ...] = (
    the_order_of_tokens_changes_only_the_order_of_outputs,
    hidden_tokens_change_nothing,
    a_query_that_sees_nothing_gives_zeros,
)
STEP_CLAIMS: tuple[Claim, ...] = (
    steps_give_what_the_whole_gives,
    rows_of_different_lengths_in_a_cache_do_not_touch,
)
GRADIENT_CLAIMS: tuple[Claim, ...] = (gradients_are_slopes, every_weight_learns)
FUNCTION_CLAIMS: tuple[Claim, ...] = (the_output_is_that_of_the_equation,)
