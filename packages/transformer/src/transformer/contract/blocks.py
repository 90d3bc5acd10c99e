"""Claims about whole blocks, beyond those about any attention. Each takes a subject and a shape [B, H, T, D] and
returns None, or the evidence against it; its name is the claim in plain words."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from attention import KeyValueCache
from attention.contract import ModuleSubject, differ

Shape = tuple[int, int, int, int]
SOURCE_LENGTH = 3


class BlockSubject(ModuleSubject):
    """A module of x alone that is causal by itself."""

    def causal(self, inputs: Sequence[Tensor]) -> Tensor:
        output: Tensor = self.module(*inputs)
        return output


class WithSource(nn.Module):
    """A block of (x, source) that always reads the same source, and so is a block of x."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor, cache: object = None) -> Tensor:
        source = random(SOURCE_LENGTH, x.shape[2], seed=7).to(x).expand(len(x), -1, -1)
        output: Tensor = self.block(x, source) if cache is None else self.block(x, source, cache=cache)
        return output


class CrossSubject(BlockSubject):
    """A module of x and a source; where a claim is about x alone, the source stays the same."""

    def __init__(
        self, block: nn.Module, n_embd: int | None = None, new_cache: Callable[[int, int], KeyValueCache] | None = None
    ) -> None:
        inner = ModuleSubject(block, n_embd, new_cache)
        super().__init__(WithSource(block), inner.n_embd, inner.new_cache)

    def reads(self, x: Tensor, source: Tensor, visible: Tensor | None = None) -> Tensor:
        named = {} if visible is None else {"source_mask": visible}
        output: Tensor = self.module.block(x, source, **named)
        return output

    def described(self, shape: Shape) -> str:
        return f"{super().described(shape)}, source of [B, S, C] = {[shape[0], SOURCE_LENGTH, self.n_embd]}"


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def not_finite(output: Tensor, inputs: Sequence[Tensor], what: str) -> str | None:
    slopes = torch.autograd.grad(output.sum(), inputs)
    for came, tensors in (("came out", (output,)), ("came back as a gradient", slopes)):
        if not all(bool(tensor.isfinite().all()) for tensor in tensors):
            return f"{what}, and NaN or infinity {came}"
    return None


def extreme_scores_stay_finite(subject: ModuleSubject, shape: Shape) -> str | None:
    """Matrices a hundred times as large make scores ten thousand times as large."""
    steep, inputs = subject.to(torch.float32), [x.requires_grad_() for x in subject.inputs(shape)]
    with torch.no_grad():
        for weight in steep.module.parameters():
            if weight.ndim > 1:
                weight.mul_(100)
    with torch.enable_grad():
        return not_finite(steep.causal(inputs), inputs, "all matrices were made a hundred times as large")


def an_empty_row_stays_finite_and_leaves_the_others_alone(subject: ModuleSubject, shape: Shape) -> str | None:
    (x,), (batch, _, length, _) = subject.inputs(shape), shape
    visible = torch.ones(length, length, dtype=torch.bool).tril().repeat(batch, 1, 1, 1)
    alone = subject.causal([x[1:]]) if batch > 1 else None
    visible[0] = False
    with torch.enable_grad():
        output = ModuleSubject.run(subject, [x.requires_grad_()], visible)
        if evidence := not_finite(output, [x], "all keys of row 0 were hidden"):
            return evidence
    if alone is None:
        return None
    return differ(output[1:], alone, "all keys of row 0 were hidden, and the other rows moved by")


def the_order_of_the_source_changes_nothing(subject: CrossSubject, shape: Shape) -> str | None:
    (x,), source = subject.inputs(shape), random(shape[0], SOURCE_LENGTH, subject.n_embd, seed=8)
    turned = subject.reads(x, source.flip(1))
    return differ(
        turned, subject.reads(x, source), "the source's tokens were put in another order, and the output moved by"
    )


def each_row_hears_its_own_source(subject: CrossSubject, shape: Shape) -> str | None:
    (x,), source = subject.inputs(shape), random(shape[0], SOURCE_LENGTH, subject.n_embd, seed=8)
    together = subject.reads(x, source)
    alone = torch.cat([subject.reads(x[r : r + 1], source[r : r + 1]) for r in range(shape[0])])
    if torch.equal(subject.reads(x, random(*source.shape, seed=9)), together):
        return "another source gave the same output"
    return differ(together, alone, "a row with its source in a batch and alone differ by")


def hidden_tokens_of_the_source_change_nothing(subject: CrossSubject, shape: Shape) -> str | None:
    (x,), (batch, _, length, _) = subject.inputs(shape), shape
    source, strange = (random(batch, SOURCE_LENGTH, subject.n_embd, seed=n) for n in (8, 9))
    visible = (torch.arange(SOURCE_LENGTH) < SOURCE_LENGTH - 1).expand(batch, 1, length, -1)
    longer = torch.cat([source[:, :-1], 100 * strange[:, -1:]], dim=1)
    alone = subject.reads(x, source[:, :-1])
    return differ(
        subject.reads(x, longer, visible), alone, "the source's last token was hidden, and the output moved by"
    )


def an_empty_source_stays_finite(subject: CrossSubject, shape: Shape) -> str | None:
    (x,), source = subject.inputs(shape), random(shape[0], SOURCE_LENGTH, subject.n_embd, seed=8)
    visible = torch.zeros(shape[0], 1, shape[2], SOURCE_LENGTH, dtype=torch.bool)
    with torch.enable_grad():
        given = x.requires_grad_(), source.requires_grad_()
        return not_finite(subject.reads(*given, visible), given, "the whole source was hidden")


EXTREME_CLAIMS = (extreme_scores_stay_finite,)
MASKED_CLAIMS = (an_empty_row_stays_finite_and_leaves_the_others_alone,)
SOURCE_CLAIMS = (
    the_order_of_the_source_changes_nothing,
    each_row_hears_its_own_source,
    hidden_tokens_of_the_source_change_nothing,
    an_empty_source_stays_finite,
)
