"""What any GPT-2 must keep to, as claims that can be held against yours: `contract.check(my_model)`.

Needs torch and `workbench` only. The model may be ours, that of transformers, or any module whose state dict
bears the published names.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workbench import Broken, BrokenClaim, Held

from .reference import VARIATIONS, reference_logits
from .subject import Subject

__all__ = ["Finding", "check", "measure"]


@dataclass(frozen=True)
class Finding:
    """One claim, tried."""

    claim: str
    held: bool
    error: float | None = None
    """Largest difference, relative to the largest magnitude; None where nothing is compared."""
    evidence: str = ""
    """What was found instead, or a remark."""


def check(model: nn.Module, *, n_head: int | None = None, n_ctx: int | None = None) -> Held:
    """The claims that held; BrokenClaim (an AssertionError) naming every one that did not."""
    findings = measure(model, n_head=n_head, n_ctx=n_ctx)
    if broken := [Broken(finding.claim, finding.evidence) for finding in findings if not finding.held]:
        raise BrokenClaim(*broken)
    caches = "caches and rows of several lengths (give the model new_cache, cache= and lengths=)"
    return Held((finding.claim for finding in findings), [] if hasattr(model, "new_cache") else [caches])


@torch.no_grad()
def measure(model: nn.Module, *, n_head: int | None = None, n_ctx: int | None = None) -> tuple[Finding, ...]:
    """Try every claim, and measure it. The model is left as it was.

    n_head, n_ctx: where `model.config` does not say. The claims about caches and ragged rows are tried where the model
    has `new_cache(batch, length)` and takes `cache` and `lengths`.
    """
    training = model.training
    model.eval()
    try:
        subject = Subject(model, n_head, n_ctx)
        return (*_against_reference(subject), *_behavior(subject))
    finally:
        model.train(training)


def difference(got: Tensor, wanted: Tensor) -> float:
    """Largest difference, relative to the largest magnitude of `wanted`; infinite for other shapes and NaN."""
    if got.shape != wanted.shape or not torch.isfinite(got).all():
        return float("inf")
    return float((got - wanted).abs().max() / wanted.abs().max().clamp(min=1e-30))


def _against_reference(subject: Subject) -> Iterator[Finding]:
    """Logits against those of the reference; where they differ, the wiring that explains them names the mistake."""
    tokens = subject.tokens(2, 12)
    got = subject.logits(tokens)
    error = difference(got, reference_logits(subject.tensors, tokens, subject.n_head))
    held, guilty = error <= subject.tolerance, -1
    if not held:
        errors = [difference(got, _varied(subject, tokens, i)) for i in range(len(VARIATIONS))]
        guilty = min(range(len(errors)), key=errors.__getitem__)
        guilty = guilty if errors[guilty] < error / 10 else -1
    what = "" if held else VARIATIONS[guilty][1] if guilty >= 0 else "something that no single known mistake explains"
    yield Finding("logits equal those of the reference", held, error, what and f"found {what}")
    for claim in dict.fromkeys(claim for claim, _, _ in VARIATIONS):
        broken = guilty >= 0 and VARIATIONS[guilty][0] == claim
        yield Finding(claim, not broken, error, f"found {VARIATIONS[guilty][1]}" if broken else "")


def _varied(subject: Subject, tokens: Tensor, number: int) -> Tensor:
    return reference_logits(subject.tensors, tokens, subject.n_head, VARIATIONS[number][2])


def _behavior(subject: Subject) -> Iterator[Finding]:
    claims: list[tuple[str, Callable[[Subject], float]]] = [
        ("later tokens change nothing", _later_tokens),
        ("rows of a batch do not see each other", _rows),
        ("the whole context can be used", _whole_context),
    ]
    if subject.has_cache:
        claims += [("a cache changes nothing", _cache), ("padding changes nothing", _ragged)]
    for claim, measured in claims:
        try:
            error, evidence = measured(subject), "found other logits"
        except Exception as problem:
            error, evidence = float("inf"), f"it raised {type(problem).__name__}: {problem}"
        held = error <= subject.tolerance
        yield Finding(claim, held, error, "" if held else evidence)
    yield _one_too_many(subject)


def _later_tokens(subject: Subject) -> float:
    tokens = subject.tokens(2, 10)
    other = tokens.clone()
    other[:, -1] = (other[:, -1] + 1) % subject.n_vocab
    return difference(subject.logits(other)[:, :-1], subject.logits(tokens)[:, :-1])


def _rows(subject: Subject) -> float:
    tokens = subject.tokens(3, 7)
    alone = torch.cat([subject.logits(row[None]) for row in tokens])
    return difference(subject.logits(tokens), alone)


def _whole_context(subject: Subject) -> float:
    tokens = subject.tokens(1, subject.n_ctx)
    if subject.n_ctx > 256:  # the reference is slow there
        return 0.0 if torch.isfinite(subject.logits(tokens)).all() else float("inf")
    return difference(subject.logits(tokens), reference_logits(subject.tensors, tokens, subject.n_head))


def _one_too_many(subject: Subject) -> Finding:
    claim = "more tokens than the context holds are refused"
    tokens = subject.tokens(1, subject.n_ctx)
    try:
        subject.logits(torch.cat([tokens, tokens[:, :1]], dim=1))
    except Exception as error:
        return Finding(claim, True, None, f"by {type(error).__name__}")
    return Finding(claim, False, None, "found logits for them")


def _cache(subject: Subject) -> float:
    tokens = subject.tokens(2, 9)
    time, wanted = tokens.shape[1], subject.logits(tokens)
    errors = []
    for size in (1, 4, time):
        cache = subject.new_cache(2, time)
        parts = [subject.logits(part, cache=cache) for part in tokens.split(size, dim=1)]
        errors.append(difference(torch.cat(parts, dim=1), wanted))
    return max(errors)


def _ragged(subject: Subject) -> float:
    """Rows of several lengths, padded on the right, then continued through the cache at positions of their own."""
    lengths = [min(n, subject.n_ctx - 1) for n in (6, 3, 1)]
    tokens = subject.tokens(3, max(lengths) + 1)
    cache = subject.new_cache(3, max(lengths) + 1)
    start = subject.logits(tokens[:, : max(lengths)], cache=cache, lengths=torch.tensor(lengths).to(subject.device))
    following = torch.stack([tokens[row, n] for row, n in enumerate(lengths)])[:, None]
    after = subject.logits(following, cache=cache)
    errors = []
    for row, n in enumerate(lengths):
        alone = subject.logits(tokens[row : row + 1, : n + 1])[0]
        errors += [difference(start[row, :n], alone[:n]), difference(after[row, 0], alone[n])]
    return max(errors)
