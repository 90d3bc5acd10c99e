"""What decoding takes for granted of a model, as claims that anyone's model can be tried against.

`check(model)` needs torch and the standard library only. Each claim is tried from the smallest input up, so the input
in the message is the smallest of those tried that shows the fault.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from .inference import inference
from .protocols import LanguageModel


class ContractError(AssertionError):
    """A claim that the model does not keep, in plain words, with an input that shows it."""


def check(model: LanguageModel, *, tolerance: float = 1e-4) -> None:
    """Raise ContractError for the first claim in `CLAIMS` that `model` does not keep; return None if it keeps all.

    Logits count as equal within `tolerance` times their largest magnitude (or 1). The model, its mode and the global
    random state stay as they were. Sequences are short, except that the context is filled once or twice.
    """
    missing = [name for name in ("n_ctx", "n_vocab", "new_cache", "__call__") if not hasattr(model, name)]
    if missing:
        raise ContractError(f"the model has what decoding asks of it: {type(model).__name__} lacks {missing}")
    with inference(model):
        for claim in CLAIMS:
            claim(model, tolerance)


def logits_have_the_agreed_shape(model: LanguageModel, tolerance: float) -> None:
    """One row of logits per token, or with `last_only` one per row: that of its last real token."""
    for lengths in _ragged(model):
        tokens = _tokens(model, len(lengths), max(lengths))
        logits = model(tokens, lengths=_lengths(model, lengths))
        wanted = (len(lengths), max(lengths), model.n_vocab)
        if tuple(logits.shape) != wanted:
            _fail(
                "logits have the shape (rows, tokens, n_vocab)", f"wanted {wanted}, got {tuple(logits.shape)}", tokens
            )
        last = model(tokens, lengths=_lengths(model, lengths), last_only=True)
        expected = torch.stack([row[length - 1] for row, length in zip(logits, lengths, strict=True)])
        _same("last_only gives the logits of each row's last real token", last, expected, tolerance, tokens, lengths)


def later_tokens_change_nothing(model: LanguageModel, tolerance: float) -> None:
    """The logits after a token depend on that token and the earlier ones."""
    for time in _times(model):
        tokens = _tokens(model, 1, time)
        expected = model(tokens)[:, : time - 1]
        other = tokens.clone()
        other[:, -1] = (other[:, -1] + 1) % model.n_vocab
        _same("later tokens change nothing", model(other)[:, : time - 1], expected, tolerance, tokens)


def cache_equals_no_cache(model: LanguageModel, tolerance: float) -> None:
    """Fed through a cache, in any pieces, a text gives the logits that it gives at once."""
    for time in _times(model):
        tokens = _tokens(model, 2, time)
        expected = model(tokens)
        for pieces in ([time], [1] * time, [time // 2, time - time // 2]):
            cache = model.new_cache(2, time)
            got = torch.cat([model(part, cache=cache) for part in tokens.split(pieces, dim=1) if part.shape[1]], dim=1)
            _same(f"cache equals no cache (fed in pieces of {pieces})", got, expected, tolerance, tokens)


def caches_are_separate(model: LanguageModel, tolerance: float) -> None:
    """Two texts under way at once, each in its own cache, do not disturb each other."""
    for time in _times(model):
        tokens = _tokens(model, 2, time)
        caches = [model.new_cache(1, time) for _ in tokens]
        for t in range(time):
            last = [model(tokens[r : r + 1, t : t + 1], cache=caches[r], last_only=True) for r in range(2)]
        expected = model(tokens)[:, -1]
        _same("two caches do not disturb each other", torch.cat(last), expected, tolerance, tokens)


def neighbours_change_nothing(model: LanguageModel, tolerance: float) -> None:
    """A row in a ragged batch gives what it gives alone, whatever the padding holds, with a cache and without."""
    for lengths in _ragged(model):
        expected = torch.cat([model(_row(model, r, n), last_only=True) for r, n in enumerate(lengths)])
        for padding in (0, model.n_vocab - 1):
            tokens = _padded(model, lengths, padding)
            for cache in (None, model.new_cache(len(lengths), max(lengths))):
                claim = (
                    f"a row gives in a batch what it gives alone (padding {padding}, {'no ' * (cache is None)}cache)"
                )
                got = model(tokens, cache=cache, lengths=_lengths(model, lengths), last_only=True)
                _same(claim, got, expected, tolerance, tokens, lengths)


def positions_count_real_tokens(model: LanguageModel, tolerance: float) -> None:
    """After a ragged batch each row goes on at its own position, and `cache.lengths` says at which."""
    for lengths in _ragged(model):
        cache, steps = _filled(model, lengths, extra=2), 2
        for step in range(steps):
            held = [n + step for n in lengths]
            if cache.lengths.tolist() != held:
                detail = f"wanted cache.lengths {held}, got {cache.lengths.tolist()}"
                _fail("cache.lengths counts the real tokens of each row", detail, _padded(model, lengths, 0), lengths)
            tokens = torch.cat([_row(model, r, n + 1)[:, -1:] for r, n in enumerate(held)])
            got = model(tokens, cache=cache, last_only=True)
            expected = torch.cat([model(_row(model, r, n + 1), last_only=True) for r, n in enumerate(held)])
            _same("each row goes on at its own position", got, expected, tolerance, tokens, held)


def selected_rows_go_on(model: LanguageModel, tolerance: float) -> None:
    """`cache.select` keeps, reorders and repeats rows; each goes on as if nothing had happened."""
    for lengths in _ragged(model):
        last = len(lengths) - 1
        for rows in ([last], [last, 0], [last, 0, last][: last + 2]):
            cache = _filled(model, lengths, extra=1)
            cache.select(torch.tensor(rows, device=cache.lengths.device))
            texts = [_row(model, r, lengths[r] + 1) for r in rows]
            got = model(torch.cat([text[:, -1:] for text in texts]), cache=cache, last_only=True)
            expected = torch.cat([model(text, last_only=True) for text in texts])
            claim = f"rows {rows} that cache.select kept go on as if alone"
            _same(claim, got, expected, tolerance, _padded(model, lengths, 0), lengths)


def the_context_can_be_filled_and_no_more(model: LanguageModel, tolerance: float) -> None:
    """n_ctx tokens have logits, the cached ones too; one more is a ValueError, never a guess."""
    full = _tokens(model, 1, model.n_ctx)
    cache = model.new_cache(1, model.n_ctx)
    if model.n_ctx > 1:
        model(full[:, :-1], cache=cache)
    got = model(full[:, -1:], cache=cache, last_only=True)
    _same("the last position of the context works with a cache", got, model(full)[:, -1], tolerance, full[:, -1:])
    attempts: dict[str, Callable[[], object]] = {
        "without a cache": lambda: model(_tokens(model, 1, model.n_ctx + 1)),
        "with a full cache": lambda: model(full[:, :1], cache=cache),
    }
    for where, attempt in attempts.items():
        try:
            attempt()
        except ValueError:
            continue
        except Exception as error:
            detail = f"wanted ValueError {where}, got {type(error).__name__}: {error}"
        else:
            detail = f"wanted ValueError {where}, got logits"
        raise ContractError(f"token {model.n_ctx + 1} of a context of {model.n_ctx} is refused: {detail}")


CLAIMS: Sequence[Callable[[LanguageModel, float], None]] = (
    logits_have_the_agreed_shape,
    later_tokens_change_nothing,
    cache_equals_no_cache,
    caches_are_separate,
    neighbours_change_nothing,
    positions_count_real_tokens,
    selected_rows_go_on,
    the_context_can_be_filled_and_no_more,
)
"""In the order in which `check` tries them: each takes the earlier ones for granted."""


def _times(model: LanguageModel) -> Iterator[int]:
    yield from (time for time in (1, 2, 3, 7) if time <= model.n_ctx)


def _ragged(model: LanguageModel) -> Iterator[list[int]]:
    """Lengths of batches that leave room for two more tokens, from the smallest up."""
    most = max(1, model.n_ctx - 2)
    yield from ([min(n, most) for n in lengths] for lengths in ([1], [1, 2], [3, 1], [2, 5, 1, 4]))


def _row(model: LanguageModel, row: int, time: int) -> Tensor:
    """The first `time` tokens of the text that stands in row `row` of every batch here, as a batch of one."""
    generator = torch.Generator().manual_seed(row + 1)
    tokens = torch.randint(model.n_vocab, (1, model.n_ctx + 1), generator=generator)
    return tokens[:, :time].to(model.new_cache(1, 1).lengths.device)


def _tokens(model: LanguageModel, rows: int, time: int) -> Tensor:
    return torch.cat([_row(model, row, time) for row in range(rows)])


def _padded(model: LanguageModel, lengths: list[int], padding: int) -> Tensor:
    tokens = _tokens(model, len(lengths), max(lengths))
    for row, length in zip(tokens, lengths, strict=True):
        row[length:] = padding
    return tokens


def _filled(model: LanguageModel, lengths: list[int], extra: int):  # type: ignore[no-untyped-def]
    """A cache that holds a ragged batch and has room for `extra` tokens more."""
    cache = model.new_cache(len(lengths), max(lengths) + extra)
    model(_padded(model, lengths, 0), cache=cache, lengths=_lengths(model, lengths))
    return cache


def _lengths(model: LanguageModel, lengths: list[int]) -> Tensor:
    return torch.tensor(lengths, device=model.new_cache(1, 1).lengths.device)


def _same(
    claim: str, got: Tensor, wanted: Tensor, tolerance: float, tokens: Tensor, lengths: list[int] | None = None
) -> None:
    if got.shape != wanted.shape:
        _fail(claim, f"wanted logits of shape {tuple(wanted.shape)}, got {tuple(got.shape)}", tokens, lengths)
    same = (got == wanted) | ((got - wanted).abs() <= tolerance * max(1.0, _largest(wanted)))
    if not same.all():
        place = tuple(int(i) for i in same.logical_not().nonzero()[0])
        detail = f"wanted {wanted[place].item():.6g} at {place}, got {got[place].item():.6g}"
        _fail(claim, detail, tokens, lengths)


def _largest(logits: Tensor) -> float:
    finite = logits[logits.isfinite()]
    return finite.abs().max().item() if len(finite) else 0.0


def _fail(claim: str, detail: str, tokens: Tensor, lengths: list[int] | None = None) -> None:
    raise ContractError(f"{claim}: {detail}; tokens {tokens.tolist()}" + (f", lengths {lengths}" if lengths else ""))
