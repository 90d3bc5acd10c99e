"""Words that must come somewhere in the text: what beam search may write so that they fit, and what it keeps.

Fairseq and transformers before version 5 have such a search too (`LexicallyConstrainedBeamSearch`, `force_words_ids`).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .hypotheses import IMPOSSIBLE, Search

Ids = tuple[int, ...]


def missing_words(words: Sequence[Ids], ids: Sequence[int]) -> list[Ids]:
    """The words that do not stand in `ids`, each as one piece."""
    starts = range(len(ids))
    return [word for word in words if not any(tuple(ids[i : i + len(word)]) == word for i in starts)]


def missing_tokens(words: Sequence[Ids], ids: Sequence[int]) -> int:
    """So many tokens complete the words: those of the missing words, less what of one of them stands at the end.

    That missing words could overlap each other is not reckoned with.
    """
    missing = missing_words(words, ids)
    begun = max((_begun(word, ids) for word in missing), default=0)
    return sum(len(word) for word in missing) - begun


def advancing_tokens(words: Sequence[Ids], ids: Sequence[int]) -> set[int]:
    """The ids that begin a missing word, or go on with one that stands begun at the end of `ids`."""
    missing = missing_words(words, ids)
    return {word[n] for word in missing for n in range(len(word)) if tuple(ids[len(ids) - n :]) == word[:n]}


def check_room(words: Sequence[Ids], room: int, number: int, ends: Sequence[int]) -> None:
    """ValueError where prompt `number` (from 1) has no room for the words, or one holds the end of the text."""
    if sum(len(word) for word in words) > room:
        raise ValueError(
            f"wanted room for the {sum(len(word) for word in words)} ids of forced_words, got {room} new ids after "
            f"prompt {number}; raise max_new_tokens or shorten the prompt"
        )
    if found := [end for end in ends if any(end in word for word in words)]:
        raise ValueError(f"wanted forced_words before the end of the text, got its id {found[0]} in one; leave it out")


def leave_room(
    scores: Float[Tensor, "B V"],
    rows: Sequence[Sequence[int]],
    words: Sequence[Ids],
    rooms: Sequence[int],
    ends: Sequence[int],
) -> Float[Tensor, "B V"]:
    """-inf for the end of text where words are missing, and for ids after which they would not fit: row r may hold
    `rooms[r]` new ids."""
    allowed = torch.ones_like(scores, dtype=torch.bool)
    for own, ids, room in zip(allowed, rows, rooms, strict=True):
        left = room - len(ids) - 1
        missing = missing_words(words, ids)
        own[:] = sum(len(word) for word in missing) <= left
        for token in advancing_tokens(words, ids):
            own[token] = missing_tokens(words, [*ids, token]) <= left
        if missing:
            own[list(ends)] = False
    return torch.where(allowed, scores, -torch.inf)


def best_of_banks(
    search: Search, totals: Float[Tensor, "K V"], keys: Float[Tensor, "K V"], words: Sequence[Ids]
) -> Int[Tensor, " M"]:
    """The candidates of a search, as places in the flat `totals`; `keys` order them.

    Hypotheses that hold much of the words are less likely than those that hold nothing, and would all be dropped. So
    candidates compete only within a bank, those with as many tokens missing, and the places of the beam are dealt to
    the banks in turn (dynamic beam allocation: Post and Vilar 2018, arXiv 1804.06609, section 3). As in that paper the
    best of all, the best of every hypothesis and what goes on with a word are looked at. Only in the last bank may a
    hypothesis end: there, as without forced words, among the best of its share.
    """
    banks, impossible = _banks(search, totals, _looked_at(search, keys, words), words)
    shares = deal([sum(not ends for _, ends in bank) for bank in banks], search.size)
    heads = [place for bank, share in zip(banks, shares, strict=True) for place, _ in bank[:share]]
    others: list[int] = []
    for bank, share in zip(banks, shares, strict=True):  # as many more as end within the share
        others += [place for place, ends in bank[share:] if not ends][: sum(ends for _, ends in bank[:share])]
    return torch.tensor([*heads, *others, *impossible[: search.size - sum(shares)]], device=totals.device)


def _looked_at(search: Search, keys: Float[Tensor, "K V"], words: Sequence[Ids]) -> list[int]:
    """Places of the best continuations of every hypothesis and of those with its words, the largest key first."""
    likely = keys.topk(min(search.size + 1, keys.shape[1]), dim=1).indices.tolist()
    tokens = [{*best, *advancing_tokens(words, ids)} for best, ids in zip(likely, search.running, strict=True)]
    found = torch.tensor([row * keys.shape[1] + token for row, own in enumerate(tokens) for token in sorted(own)])
    order = keys.flatten()[found.to(keys.device)].argsort(descending=True, stable=True).cpu()
    return found[order].tolist()


def _banks(
    search: Search, totals: Float[Tensor, "K V"], places: Sequence[int], words: Sequence[Ids]
) -> tuple[list[list[tuple[int, bool]]], list[int]]:
    """The places by how much is missing there, nothing first, each with whether the text ends; the impossible ones."""
    banks: dict[int, list[tuple[int, bool]]] = {}
    impossible = []
    for place, total in zip(places, totals.flatten()[list(places)].tolist(), strict=True):
        row, token = divmod(place, totals.shape[1])
        ids = [*search.running[row], token]
        if total > IMPOSSIBLE / 2:
            banks.setdefault(missing_tokens(words, ids), []).append((place, search.ended(ids) == "end_of_text"))
        else:
            impossible.append(place)
    return [banks[missing] for missing in sorted(banks)], impossible


def deal(wanted: Sequence[int], places: int) -> list[int]:
    """The places dealt out in turn, the first bank first, none getting more than it wants."""
    shares = [0] * len(wanted)
    for turn in range(max(wanted, default=0)):
        for bank, most in enumerate(wanted):
            if turn < most and sum(shares) < places:
                shares[bank] += 1
    return shares


def _begun(word: Ids, ids: Sequence[int]) -> int:
    """So many tokens of the word stand at the end of `ids`."""
    return max(n for n in range(len(word)) if tuple(ids[len(ids) - n :]) == word[:n])
