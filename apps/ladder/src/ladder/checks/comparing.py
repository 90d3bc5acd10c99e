"""How a check speaks: what was wanted, what came, for which call, and which slip makes just that."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from workbench import Broken, BrokenClaim

SHOWN = 24
"""Numbers that are shown whole; of more, the first that differs."""


class Raised(Exception):
    """The learner's code raised an error (its `__cause__`) in the call that this names."""


class Timing:
    """Seconds that calls of the learner's code take, while it is measured."""

    measuring = False
    seconds = 0.0

    @classmethod
    def measure(cls, call: Callable[[], Any]) -> None:
        """Add the shortest time of several calls."""
        times: list[float] = []
        begin = time.perf_counter()
        while len(times) < 3 or (time.perf_counter() - begin < 0.02 and len(times) < 200):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        cls.seconds += min(times)


class Refuted:
    """Claims, each with slips that an earlier call of the same check would have shown, and did not."""

    slips: ClassVar[set[tuple[str, str]]] = set()


def agree(
    claim: str,
    given: str,
    call: Callable[[], Any],
    wanted: Any,
    slips: Mapping[str, Any] | None = None,
    tolerance: float = 1e-5,
) -> None:
    """`call()` gives what is wanted: numbers, text, tensors, arrays, and lists, tuples and dicts of them. BrokenClaim
    where it does not, naming the slip whose value came instead. Raised where it raises.

    claim: what holds, in plain words. given: the call as one would write it, with the smallest input that shows it.
    slips: what comes out of typical mistakes, by what they do: "the softmax runs over the queries"; None where a
        mistake makes nothing that can be told. tolerance: of numbers, relative to the largest that is wanted.
    """
    got = called(given, call)
    if Timing.measuring:
        Timing.measure(call)
    evidence = difference(got, wanted, tolerance)
    known = slips or {}
    if evidence is None:
        Refuted.slips |= {(claim, words) for words, value in known.items() if _shows(value, wanted, tolerance)}
        return
    told = [words for words, value in known.items() if difference(got, value, tolerance) is None]
    told = [words for words in told if (claim, words) not in Refuted.slips]
    if told:
        evidence += f"\nthat is what comes out when {', or when '.join(told[:2])}"
    raise BrokenClaim(Broken(claim, evidence, given))


def _shows(value: Any, wanted: Any, tolerance: float) -> bool:
    return value is not None and difference(wanted, value, tolerance) is not None


def refuse(claim: str, given: str, evidence: str) -> None:
    """The claim does not hold, for this evidence."""
    raise BrokenClaim(Broken(claim, evidence, given))


def called(given: str, call: Callable[[], Any]) -> Any:
    """What the call gives; Raised where it raises, with its error as cause."""
    try:
        return call()
    except BrokenClaim:
        raise
    except Exception as error:
        raise Raised(given) from error


def difference(got: Any, wanted: Any, tolerance: float = 1e-5) -> str | None:
    """None where they agree; else two lines, wanted and got, and where."""
    if isinstance(wanted, Tensor | np.ndarray):
        return _arrays(got, wanted, tolerance)
    if isinstance(wanted, list | tuple):
        return _rows(got, wanted, tolerance)
    if isinstance(wanted, dict):
        if not isinstance(got, dict) or got.keys() != wanted.keys():
            return _said(wanted, got)
        parts = (difference(got[key], wanted[key], tolerance) for key in wanted)
        return next((f"{part}\nat {key!r}" for key, part in zip(wanted, parts, strict=True) if part), None)
    if isinstance(wanted, float):
        number = _number(got)
        close = number is not None and abs(number - wanted) <= tolerance * max(1.0, abs(wanted))
        return None if close or number == wanted else _said(wanted, got)
    if isinstance(wanted, int) and not isinstance(wanted, bool):
        return None if _number(got) == wanted else _said(wanted, got)
    return None if type(got) is type(wanted) and got == wanted else _said(wanted, got)


def _rows(got: Any, wanted: Sequence[Any], tolerance: float) -> str | None:
    if not isinstance(got, list | tuple):
        return _said(wanted, got, f" (a {type(got).__name__})")
    parts = [difference(one, other, tolerance) for one, other in zip(got, wanted, strict=False)]
    if len(got) == len(wanted) and not any(parts):
        return None
    whole = not any(isinstance(one, Tensor | np.ndarray) for one in (*wanted, *got))
    if len(got) != len(wanted) or (whole and len(wanted) <= SHOWN):
        return _said(wanted, got) if whole else f"wanted     {len(wanted)} values\ngot        {len(got)}"
    number, first = next((number, part) for number, part in enumerate(parts) if part)
    return f"{first}\nin value {number} (counted from 0)"


def _arrays(got: Any, wanted: Any, tolerance: float) -> str | None:
    kind = "tensor" if isinstance(wanted, Tensor) else "array"
    if not isinstance(got, type(wanted)):
        return f"wanted     a {kind} {list(wanted.shape)}\ngot        {_shown(got)}, a {type(got).__name__}"
    if got.shape != wanted.shape:
        return f"wanted     shape {list(wanted.shape)}\ngot        shape {list(got.shape)}"
    mine, ours = (torch.as_tensor(x).detach() for x in (got, wanted))
    if (mine.dtype == torch.bool) != (ours.dtype == torch.bool) or mine.is_complex():
        return f"wanted     numbers of type {ours.dtype}\ngot        {mine.dtype}"
    mine, ours = mine.double(), ours.double()
    finite = ours[ours.isfinite()]
    allowed = tolerance * max(1e-3, float(finite.abs().max()) if len(finite) else 1.0)
    wrong = ~torch.isclose(mine, ours, rtol=0, atol=allowed, equal_nan=True)
    if not wrong.any():
        return None
    if ours.numel() <= SHOWN:
        return _said(torch.as_tensor(wanted).tolist(), torch.as_tensor(got).tolist())
    place = tuple(int(i) for i in wrong.nonzero()[0])
    where = f"\nat {list(place)}; {int(wrong.sum())} of {wrong.numel()} numbers differ"
    return _said(float(ours[place]), float(mine[place])) + where


def _said(wanted: Any, got: Any, more: str = "") -> str:
    return f"wanted     {_shown(wanted)}\ngot        {_shown(got)}{more}"


def _shown(value: Any) -> str:
    if value is None:
        return "None (is there a return?)"
    if isinstance(value, Tensor):
        value = value.tolist() if value.numel() <= SHOWN else f"a tensor {list(value.shape)}"
    text = str(_rounded(value)) if not isinstance(value, str | bytes) else repr(value)
    return text if len(text) <= 240 else f"{text[:236]} ..."


def _rounded(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(f"{float(value):.6g}")
    if isinstance(value, list | tuple):
        return type(value)(_rounded(one) for one in value) if type(value) in (list, tuple) else value
    return value


def _number(value: Any) -> Any:
    """A number, also of a tensor or an array that holds one; None for anything else."""
    if isinstance(value, Tensor | np.ndarray):
        return value.item() if value.shape.count(1) == value.ndim else None
    return value if isinstance(value, int | float | np.number) and not isinstance(value, bool) else None
