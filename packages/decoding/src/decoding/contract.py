"""What decoding takes for granted of a model, as claims that anyone's model can be tried against.

Needs torch and the standard library only. Each claim is tried from the smallest input up, so the input
in the message is the smallest of those tried that shows the fault.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .contract_inputs import filled_cache, lengths_tensor, padded, ragged, text, texts, times
from .inference import inference
from .protocols import LanguageModel


class ContractError(AssertionError):
    """A claim that the model does not keep, in plain words, with an input that shows it."""


def check(model: Any, *, tolerance: float = 1e-4) -> None:
    """Raise ContractError for the first claim in `CLAIMS` that `model` does not keep; return None if it keeps all.

    Logits count as equal within `tolerance` times their largest magnitude. The model, its mode and the global
    random state stay as they were. Sequences are short, except that the context is filled once or twice.
    """
    if missing := [name for name in ("n_ctx", "n_vocab", "new_cache", "__call__") if not hasattr(model, name)]:
        raise ContractError(f"the model has what decoding asks of it: {type(model).__name__} lacks {missing}")
    if model.n_ctx < 3:
        raise ValueError(f"wanted a model with n_ctx of 3 or more, got {model.n_ctx}; make a longer one to check")
    with inference(model):
        for claim in CLAIMS:
            try:
                claim(model, tolerance)
            except ContractError:
                raise
            except Exception as error:
                raise ContractError(f"{claim.__doc__} Instead: {type(error).__name__}: {error}") from error


def logits_have_the_agreed_shape(model: LanguageModel, tolerance: float) -> None:
    """One row of logits per token, or with `last_only` one per row: that of its last real token."""
    for lengths in ragged(model):
        tokens = texts(model, len(lengths), max(lengths))
        logits = model(tokens, lengths=lengths_tensor(model, lengths))
        wanted = (len(lengths), max(lengths), model.n_vocab)
        if tuple(logits.shape) != wanted:
            _fail(
                "logits have the shape (rows, tokens, n_vocab)", f"wanted {wanted}, got {tuple(logits.shape)}", tokens
            )
        last = model(tokens, lengths=lengths_tensor(model, lengths), last_only=True)
        expected = torch.stack([row[length - 1] for row, length in zip(logits, lengths, strict=True)])
        _same("last_only gives the logits of each row's last real token", last, expected, tolerance, tokens, lengths)


def later_tokens_change_nothing(model: LanguageModel, tolerance: float) -> None:
    """The logits after a token depend on that token and the earlier ones."""
    for time in list(times(model))[1:]:
        tokens = texts(model, 1, time)
        expected = model(tokens)[:, : time - 1]
        other = tokens.clone()
        other[:, -1] = (other[:, -1] + 1) % model.n_vocab
        _same("later tokens change nothing", model(other)[:, : time - 1], expected, tolerance, tokens)


def cache_equals_no_cache(model: LanguageModel, tolerance: float) -> None:
    """Fed through a cache, in any pieces, a text gives the logits that it gives at once."""
    for time in times(model):
        tokens = texts(model, 2, time)
        expected = model(tokens)
        for pieces in ([time], [1] * time, [time // 2, time - time // 2]):
            cache = model.new_cache(2, time)
            got = torch.cat([model(part, cache=cache) for part in tokens.split(pieces, dim=1) if part.shape[1]], dim=1)
            _same(f"cache equals no cache (fed in pieces of {pieces})", got, expected, tolerance, tokens)


def caches_are_separate(model: LanguageModel, tolerance: float) -> None:
    """Two texts under way at once, each in its own cache, do not disturb each other."""
    for time in times(model):
        tokens = texts(model, 2, time)
        caches = [model.new_cache(1, time) for _ in tokens]
        for t in range(time):
            last = [model(tokens[r : r + 1, t : t + 1], cache=caches[r], last_only=True) for r in range(2)]
        expected = torch.cat([model(tokens[r : r + 1], last_only=True) for r in range(2)])
        _same("two caches do not disturb each other", torch.cat(last), expected, tolerance, tokens)


def neighbours_change_nothing(model: LanguageModel, tolerance: float) -> None:
    """A row in a ragged batch gives what it gives alone, whatever the padding holds, with a cache and without."""
    for lengths in ragged(model):
        expected = torch.cat([model(text(model, r, n), last_only=True) for r, n in enumerate(lengths)])
        for padding in (0, model.n_vocab - 1):
            tokens = padded(model, lengths, padding)
            for cache in (None, model.new_cache(len(lengths), max(lengths))):
                how = f"padding {padding}, {'no ' if cache is None else ''}cache"
                got = model(tokens, cache=cache, lengths=lengths_tensor(model, lengths), last_only=True)
                _same(f"a row gives in a batch what it gives alone ({how})", got, expected, tolerance, tokens, lengths)


def positions_count_real_tokens(model: LanguageModel, tolerance: float) -> None:
    """After a ragged batch each row goes on at its own position, and `cache.lengths` says at which."""
    for lengths in ragged(model):
        cache = filled_cache(model, lengths, extra=2)
        for step in range(2):
            held = [n + step for n in lengths]
            if cache.lengths.tolist() != held:
                detail = f"wanted cache.lengths {held}, got {cache.lengths.tolist()}"
                _fail("cache.lengths counts the real tokens of each row", detail, padded(model, lengths, 0), lengths)
            tokens = torch.cat([text(model, r, n + 1)[:, -1:] for r, n in enumerate(held)])
            got = model(tokens, cache=cache, last_only=True)
            expected = torch.cat([model(text(model, r, n + 1), last_only=True) for r, n in enumerate(held)])
            _same("each row goes on at its own position", got, expected, tolerance, tokens, held)


def selected_rows_go_on(model: LanguageModel, tolerance: float) -> None:
    """`cache.select` keeps, reorders and repeats rows; each goes on as if nothing had happened."""
    for lengths in ragged(model):
        last = len(lengths) - 1
        for rows in ([last], [last, 0], [last, 0, last][: last + 2]):
            cache = filled_cache(model, lengths, extra=1)
            cache.select(torch.tensor(rows, device=cache.lengths.device))
            longer = [text(model, r, lengths[r] + 1) for r in rows]
            got = model(torch.cat([tokens[:, -1:] for tokens in longer]), cache=cache, last_only=True)
            expected = torch.cat([model(tokens, last_only=True) for tokens in longer])
            tokens = padded(model, lengths, 0)
            _same(f"rows {rows} that cache.select kept go on", got, expected, tolerance, tokens, lengths)


def the_context_can_be_filled_and_no_more(model: LanguageModel, tolerance: float) -> None:
    """n_ctx tokens have logits, the cached ones too; one more is a ValueError, never a guess."""
    full = texts(model, 1, model.n_ctx)
    cache = model.new_cache(1, model.n_ctx)
    model(full[:, :-1], cache=cache)
    got = model(full[:, -1:], cache=cache, last_only=True)
    _same("the last position of the context works with a cache", got, model(full)[:, -1], tolerance, full[:, -1:])
    attempts: dict[str, Callable[[], object]] = {
        "without a cache": lambda: model(texts(model, 1, model.n_ctx + 1)),
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
"""In the order in which `check` tries them; each takes the earlier ones for granted."""


def _same(
    claim: str, got: Tensor, wanted: Tensor, tolerance: float, tokens: Tensor, lengths: list[int] | None = None
) -> None:
    if got.shape != wanted.shape:
        _fail(claim, f"wanted logits of shape {tuple(wanted.shape)}, got {tuple(got.shape)}", tokens, lengths)
    largest = wanted.nan_to_num(0.0, 0.0, 0.0).abs().max().item()
    same = (got == wanted) | ((got - wanted).abs() <= tolerance * largest)
    if not same.all():
        place = tuple(int(i) for i in same.logical_not().nonzero()[0])
        detail = f"wanted {wanted[place].item():.6g} at {place}, got {got[place].item():.6g}"
        _fail(claim, detail, tokens, lengths)


def _fail(claim: str, detail: str, tokens: Tensor, lengths: list[int] | None = None) -> None:
    raise ContractError(f"{claim}: {detail}; tokens {tokens.tolist()}" + (f", lengths {lengths}" if lengths else ""))
