"""Claims about a causal layer, without a word about masks. Each takes a subject and a shape [B, H, T, D] and returns
None, or the evidence against it; its name is the claim in plain words."""

import torch

from .evidence import Claim, differ, joined, span, strange
from .subjects import Shape, Subject


def the_output_has_the_shape_and_type_of_the_input(subject: Subject, shape: Shape) -> str | None:
    wanted = (inputs := subject.inputs(shape))[0]
    got = subject.causal(inputs)
    if got.shape == wanted.shape and got.dtype == wanted.dtype:
        return None
    return f"it gave {list(got.shape)} of {got.dtype} for {list(wanted.shape)} of {wanted.dtype}"


def the_same_input_gives_the_same_output(subject: Subject, shape: Shape) -> str | None:
    first, _, second = (subject.causal(subject.inputs(shape, seed)) for seed in (0, 1, 0))
    return None if torch.equal(first, second) else "a second call on the same input gave another output"


def the_input_is_left_as_it_was(subject: Subject, shape: Shape) -> str | None:
    subject.causal(inputs := subject.inputs(shape))
    same = all(torch.equal(x, y) for x, y in zip(inputs, subject.inputs(shape), strict=True))
    return None if same else "the call wrote into its input"


def future_tokens_change_nothing(subject: Subject, shape: Shape) -> str | None:
    inputs, length = subject.inputs(shape), shape[2]
    whole = subject.causal(inputs)
    for now in sorted({1, length // 2, length - 1} - {0}):
        other = subject.causal(joined(span(inputs, 0, now), span(strange(subject, shape), now)))
        evidence = differ(
            other[..., :now, :], whole[..., :now, :], f"tokens from {now} on were changed, and earlier outputs moved by"
        )
        if evidence:
            return evidence
    return None


def padding_on_the_right_changes_nothing(subject: Subject, shape: Shape) -> str | None:
    inputs, length = subject.inputs(shape), shape[2]
    padded = subject.causal(joined(inputs, strange(subject, shape)))
    return differ(
        padded[..., :length, :],
        subject.causal(inputs),
        "padding was put behind the text, and the text's output moved by",
    )


def rows_of_a_batch_do_not_touch(subject: Subject, shape: Shape) -> str | None:
    inputs = subject.inputs(shape)
    together = subject.causal(inputs)
    alone = torch.cat([subject.causal([x[r : r + 1] for x in inputs]) for r in range(shape[0])])
    return differ(together, alone, "a row in its batch and that row alone differ by")


def the_order_of_the_past_changes_nothing(subject: Subject, shape: Shape) -> str | None:
    inputs = subject.inputs(shape)
    turned = joined([x.flip(-2) for x in span(inputs, 0, -1)], span(inputs, -1))
    last, other = (subject.causal(given)[..., -1:, :] for given in (inputs, turned))
    return differ(other, last, "earlier tokens were put in another order, and the last output moved by")


def large_numbers_stay_finite(subject: Subject, shape: Shape) -> str | None:
    output = subject.causal([1e4 * x for x in subject.inputs(shape)])
    return None if bool(output.isfinite().all()) else "inputs around 10,000 gave NaN or infinity"


def half_precision_gives_nearly_the_same(subject: Subject, shape: Shape) -> str | None:
    inputs = subject.inputs(shape, dtype=torch.bfloat16)
    half = subject.to(torch.bfloat16).causal(inputs)
    full = subject.causal([x.float() for x in inputs])
    return differ(half.float(), full, "bfloat16 and float32 differ by", tolerance=0.05)


CAUSAL_CLAIMS: tuple[Claim, ...] = (
    the_output_has_the_shape_and_type_of_the_input,
    the_same_input_gives_the_same_output,
    the_input_is_left_as_it_was,
    large_numbers_stay_finite,
    future_tokens_change_nothing,
    padding_on_the_right_changes_nothing,
    rows_of_a_batch_do_not_touch,
    the_order_of_the_past_changes_nothing,
    half_precision_gives_nearly_the_same,
)
