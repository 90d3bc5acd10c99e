"""What decoding takes for granted of a model, as claims that anyone's model can be tried against.

Needs torch and `workbench` only. Each claim is tried from the smallest input up, so the input
in the message is the smallest of those tried that shows the fault.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from workbench import Broken, BrokenClaim, Held

from ..machine.inference import inference
from ..protocols import LanguageModel
from .computed import SIGHT_CLAIMS, against
from .inputs import filled_cache, lengths_tensor, padded, ragged, text, texts, times
from .verdicts import fail, same


def check(
    model: Any, *, tolerance: float = 1e-4, context: bool = True, reference: Callable[[Tensor], Tensor] | None = None
) -> Held:
    """Raise BrokenClaim for the first claim in `CLAIMS` that `model` does not keep; return them if it keeps all.

    Logits count as equal within `tolerance` times their largest magnitude. The model, its mode and the global
    random state stay as they were. Sequences are short, except that the context is filled once or twice.

    `context=False` is for a model that looks at the last token alone, or at nothing, as a table of pairs does. Which
    logits these are is judged against `reference`, called with tokens [B, T]. `Held.not_judged` says what was left out.
    """
    if missing := [name for name in ("n_ctx", "n_vocab", "new_cache", "__call__") if not hasattr(model, name)]:
        raise BrokenClaim(Broken("the model has what decoding asks of it", f"{type(model).__name__} lacks {missing}"))
    if model.n_ctx < 3:
        raise ValueError(f"wanted a model with n_ctx of 3 or more, got {model.n_ctx}; make a longer one to check")
    claims = [*CLAIMS, *(SIGHT_CLAIMS if context else []), *([] if reference is None else [against(reference)])]
    left = [] if context else ["whether tokens matter (leave out context=False)"]
    left += ["which logits these are (pass reference=)"] if reference is None else []
    with inference(model):
        for claim in claims:
            try:
                claim(model, tolerance)
            except BrokenClaim:
                raise
            except Exception as error:
                said = f"it raised {type(error).__name__}: {error} ({claim.__doc__})"
                raise BrokenClaim(Broken(claim.__name__.replace("_", " "), said)) from error
    return Held((claim.__name__.replace("_", " ") for claim in claims), left)


def logits_have_the_agreed_shape(model: LanguageModel, tolerance: float) -> None:
    """One row of logits per token, or with `last_only` one per row: that of its last real token."""
    for lengths in ragged(model):
        tokens = texts(model, len(lengths), max(lengths))
        logits = model(tokens, lengths=lengths_tensor(model, lengths))
        wanted = (len(lengths), max(lengths), model.n_vocab)
        if tuple(logits.shape) != wanted:
            fail("logits have the shape (rows, tokens, n_vocab)", f"wanted {wanted}, got {tuple(logits.shape)}", tokens)
        last = model(tokens, lengths=lengths_tensor(model, lengths), last_only=True)
        expected = torch.stack([row[length - 1] for row, length in zip(logits, lengths, strict=True)])
        same("last_only gives the logits of each row's last real token", last, expected, tolerance, tokens, lengths)


def later_tokens_change_nothing(model: LanguageModel, tolerance: float) -> None:
    """The logits after a token depend on that token and the earlier ones."""
    for time in list(times(model))[1:]:
        tokens = texts(model, 1, time)
        expected = model(tokens)[:, : time - 1]
        other = tokens.clone()
        other[:, -1] = (other[:, -1] + 1) % model.n_vocab
        same("later tokens change nothing", model(other)[:, : time - 1], expected, tolerance, tokens)


def cache_equals_no_cache(model: LanguageModel, tolerance: float) -> None:
    """Fed through a cache, in any pieces, a text gives the logits that it gives at once."""
    for time in times(model):
        tokens = texts(model, 2, time)
        expected = model(tokens)
        for pieces in ([time], [1] * time, [time // 2, time - time // 2]):
            cache = model.new_cache(2, time)
            got = torch.cat([model(part, cache=cache) for part in tokens.split(pieces, dim=1) if part.shape[1]], dim=1)
            same(f"cache equals no cache (fed in pieces of {pieces})", got, expected, tolerance, tokens)


def caches_are_separate(model: LanguageModel, tolerance: float) -> None:
    """Two texts under way at once, each in its own cache, do not disturb each other."""
    for time in times(model):
        tokens = texts(model, 2, time)
        caches = [model.new_cache(1, time) for _ in tokens]
        for t in range(time):
            last = [model(tokens[r : r + 1, t : t + 1], cache=caches[r], last_only=True) for r in range(2)]
        expected = torch.cat([model(tokens[r : r + 1], last_only=True) for r in range(2)])
        same("two caches do not disturb each other", torch.cat(last), expected, tolerance, tokens)


def neighbours_change_nothing(model: LanguageModel, tolerance: float) -> None:
    """A row in a ragged batch gives what it gives alone, whatever the padding holds, with a cache and without."""
    for lengths in ragged(model):
        expected = torch.cat([model(text(model, r, n), last_only=True) for r, n in enumerate(lengths)])
        for padding in (0, model.n_vocab - 1):
            tokens = padded(model, lengths, padding)
            for cache in (None, model.new_cache(len(lengths), max(lengths))):
                how = f"padding {padding}, {'no ' if cache is None else ''}cache"
                got = model(tokens, cache=cache, lengths=lengths_tensor(model, lengths), last_only=True)
                same(f"a row gives in a batch what it gives alone ({how})", got, expected, tolerance, tokens, lengths)


def positions_count_real_tokens(model: LanguageModel, tolerance: float) -> None:
    """After a ragged batch each row goes on at its own position, and `cache.lengths` says at which."""
    for lengths in ragged(model):
        cache = filled_cache(model, lengths, extra=2)
        for step in range(2):
            held = [n + step for n in lengths]
            if cache.lengths.tolist() != held:
                detail = f"wanted cache.lengths {held}, got {cache.lengths.tolist()}"
                fail("cache.lengths counts the real tokens of each row", detail, padded(model, lengths, 0), lengths)
            tokens = torch.cat([text(model, r, n + 1)[:, -1:] for r, n in enumerate(held)])
            got = model(tokens, cache=cache, last_only=True)
            expected = torch.cat([model(text(model, r, n + 1), last_only=True) for r, n in enumerate(held)])
            same("each row goes on at its own position", got, expected, tolerance, tokens, held)


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
            same(f"rows {rows} that cache.select kept go on", got, expected, tolerance, tokens, lengths)


def what_was_cut_is_forgotten(model: LanguageModel, tolerance: float) -> None:
    """After `cache.cut`, where the cache has it, rows go on as in a fresh cache, with other tokens than were cut."""
    for lengths in ragged(model):
        if not hasattr(model.new_cache(1, 1), "cut"):
            return
        for fewer in range(max(lengths)):
            kept = [max(1, length - fewer) for length in lengths]
            cache = filled_cache(model, lengths, extra=2)
            cache.cut(lengths_tensor(model, kept))
            going_on = torch.cat([text(model, row + 1, 2) for row in range(len(kept))])
            got = model(going_on, cache=cache)
            expected = model(going_on, cache=filled_cache(model, kept, extra=2))
            claim = f"rows that cache.cut left {kept} tokens of go on as in a fresh cache"
            same(claim, got, expected, tolerance, padded(model, lengths, 0), lengths)


def the_context_can_be_filled_and_no_more(model: LanguageModel, tolerance: float) -> None:
    """n_ctx tokens have logits, the cached ones too; one more is a ValueError, never a guess."""
    full = texts(model, 1, model.n_ctx)
    cache = model.new_cache(1, model.n_ctx)
    model(full[:, :-1], cache=cache)
    got = model(full[:, -1:], cache=cache, last_only=True)
    same("the last position of the context works with a cache", got, model(full)[:, -1], tolerance, full[:, -1:])
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
        raise BrokenClaim(Broken(f"token {model.n_ctx + 1} of a context of {model.n_ctx} is refused", detail))


CLAIMS: Sequence[Callable[[LanguageModel, float], None]] = (
    logits_have_the_agreed_shape,
    later_tokens_change_nothing,
    cache_equals_no_cache,
    caches_are_separate,
    neighbours_change_nothing,
    positions_count_real_tokens,
    selected_rows_go_on,
    what_was_cut_is_forgotten,
    the_context_can_be_filled_and_no_more,
)
"""In the order in which `check` tries them; each takes the earlier ones for granted."""
