"""Checks of the rungs about whole runs: when they stop, and what is left of them."""

import math
import tempfile
from pathlib import Path
from typing import Any

from workbench import lay_out, recorded_disk

from .comparing import agree, called, refuse

IN_PLACE = "the file is written over in place, without a file beside it that gets its name"
LOST = "the content was not flushed to the disk (flush, then os.fsync) before it got its name"
GONE = "the old file is removed before the new one has its name"


def early_stopping(mine: Any) -> None:
    """Against the rule, spelled out."""
    nan = math.nan
    lists = [
        [],
        [3.0],
        [3.0, 2.0],
        [2.0, 3.0],
        [2.0, 2.0],
        [2.0, 3.0, 2.5],
        [2.0, 3.0, 1.0],
        [3.0, nan],
        [2.0, nan, nan],
        [5.0, 4.0, 4.5, 4.2, 3.9],
        [5.0, 4.0, 4.5, 4.2, 4.1],
        [1.0, 2.0, 3.0, 2.0, 1.5],
        [nan, 2.0],
        [2.0, 1.0, 1.0, 1.0],
    ]
    for patience in (1, 2, 3):
        for losses in lists:
            n = len(losses)
            best = min((x for x in losses if x == x), default=math.inf)
            at = losses.index(best) if best in losses else -1
            wanted = n - 1 - at >= patience
            rising = n > patience and all(
                b > a for a, b in zip(losses[-patience - 1 :], losses[-patience:], strict=False)
            )
            lowest = max((i for i, x in enumerate(losses) if x == best), default=-1)
            slips: dict[str, Any] = {
                "equal counts as better": n - 1 - lowest >= patience,
                "a NaN counts as better: what is not above the best need not be below it": wanted
                and not any(x != x for x in losses[-patience:]),
                "each loss is compared with the one before it, not with the best": rising,
                "it waits one evaluation too long": n - 1 - at > patience,
                "it stops one evaluation too early": n - 1 - at >= patience - 1 and n > 0,
            }
            slips = {words: value for words, value in slips.items() if value != wanted}
            agree(
                "it stops when the last ones brought nothing better",
                f"should_stop({losses}, patience={patience})",
                lambda: mine.should_stop(list(losses), patience),
                wanted,
                slips,
            )


def checkpoint(mine: Any) -> None:
    """Every moment of a save, as a crash would leave it."""
    for old, new in ((None, b"new"), (b"old, and longer", b"new"), (b"old", b"")):
        before = "there was no file" if old is None else f"the file held {old!r}"
        given = f"save(path, {new!r}), where {before}"
        with tempfile.TemporaryDirectory() as there, tempfile.TemporaryDirectory() as elsewhere:
            path = Path(there) / "weights.bin"
            if old is not None:
                path.write_bytes(old)
            with recorded_disk(Path(there)) as disk:
                called(given, lambda: mine.save(path, new))
            agree(
                "afterwards the new content is there", given, lambda: path.read_bytes() if path.exists() else None, new
            )
            _only_whole(disk, Path(elsewhere), old, new, given)


def _only_whole(disk: Any, elsewhere: Path, old: bytes | None, new: bytes, given: str) -> None:
    in_place = not any(call.startswith(("rename", "replace", "exchange")) for call in disk.calls)
    for name, moments in (("the process was killed", disk.killed), ("the power failed", disk.cut)):
        for number, content in enumerate(moments):
            folder = elsewhere / f"{name}-{number}"
            lay_out(content, folder)
            path = folder / "weights.bin"
            found = path.read_bytes() if path.exists() else None
            if found not in (old, new):
                why = IN_PLACE if in_place else LOST if name == "the power failed" else GONE
                refuse(
                    "at any moment the old content or the new one is there, whole",
                    given,
                    f"wanted     {old!r} or {new!r}\ngot        {found!r}, if {name} meanwhile\n"
                    f"that is what comes out when {why}",
                )
    if in_place:
        refuse("at any moment the old content or the new one is there, whole", given, f"that is not so when {IN_PLACE}")
    if not any("fsync" in call for call in disk.calls):
        refuse("the content is on the disk before it gets its name", given, "wanted     os.fsync\ngot        none")
