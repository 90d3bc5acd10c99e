"""Results as a table, and as what `--json` prints."""

import dataclasses
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

from ..comparing import FEW, Paired, compare
from ..facts import differences, flat
from ..results import Result


def summary(results: Sequence[Result]) -> list[dict[str, Any]]:
    """A row for each recipe and text: mean and spread of bits per byte over the seeds, and CPU seconds.

    change: to the first recipe, paired, with its interval and what that says; None for the first itself.
    """
    rows, recipes = [], list(dict.fromkeys(one.recipe for one in results))
    for text in dict.fromkeys(one.text for one in results):
        for recipe in recipes:
            mine = [one for one in results if (one.recipe, one.text) == (recipe, text)]
            bits = [one.bits_per_byte for one in mine if one.bits_per_byte is not None]
            if not mine:
                continue
            row: dict[str, Any] = {"recipe": recipe, "text": text, "seeds": len(bits), "failed": len(mine) - len(bits)}
            row["bits_per_byte"] = fmean(bits) if bits else None
            row["deviation"] = stdev(bits) if len(bits) > 1 else None
            row["cpu_seconds"] = fmean(one.cpu_seconds for one in mine)
            row["change"] = _change(results, recipes[0], recipe, text)
            rows.append(row)
    return rows


def _change(results: Sequence[Result], first: str, recipe: str, text: str) -> dict[str, Any] | None:
    if recipe == first:
        return None
    try:
        [paired] = compare([one for one in results if one.text == text], first, recipe)
    except ValueError:
        return None
    return as_data(paired)


def as_data(paired: Paired) -> dict[str, Any]:
    """A comparison as JSON."""
    return {**dataclasses.asdict(paired), "verdict": paired.verdict}


def table(results: Sequence[Result]) -> str:
    """The summary, a line a row; then the changes, a line each, so that both fit in 80 columns."""
    rows = summary(results)
    lines = [("RECIPE", "TEXT", "SEEDS", "BITS/BYTE", "SPREAD", "CPU S")]
    changes = []
    for row in rows:
        change = row["change"]
        bits = "failed" if row["bits_per_byte"] is None else f"{row['bits_per_byte']:.4f}"
        spread = "-" if row["deviation"] is None else f"{row['deviation']:.4f}"
        lines.append(
            (
                row["recipe"],
                row["text"],
                f"{row['seeds']}" + (f" (-{row['failed']})" if row["failed"] else ""),
                bits,
                spread,
                f"{row['cpu_seconds']:.1f}",
            )
        )
        if change is not None:
            changes.append((row["recipe"], row["text"], interval(change["difference"]), change["verdict"]))
    told = [
        *_aligned(lines, left=(0, 1)),
        "BITS/BYTE: of held-out text, mean of the seeds. SPREAD: standard deviation.",
    ]
    if changes:
        told += ["", f"Minus {rows[0]['recipe']}, seed by seed, with the 95 % interval (below zero: better):"]
        told += [f"  {line}" for line in _aligned(changes, left=(0, 1, 2, 3))]
    return "\n".join(told)


def _aligned(lines: Sequence[tuple[str, ...]], left: tuple[int, ...]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if number in left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def interval(difference: dict[str, Any]) -> str:
    """A difference with its interval: "-0.0123 (-0.0200 to -0.0046)"."""
    if difference["low"] is None:
        return f"{difference['value']:+.4f}"
    return f"{difference['value']:+.4f} ({difference['low']:+.4f} to {difference['high']:+.4f})"


def comparison(found: Sequence[Paired], differing: dict[str, tuple[Any, Any]]) -> str:
    """Two recipes, a line a text, with the answer in words."""
    first, second = found[0].first, found[0].second
    lines = [f"{second} minus {first}, in bits per byte (below zero: {second} is better)", ""]
    for name, (a, b) in differing.items():
        lines.append(f"  {name}: {a} -> {b}")
    lines += [""] if differing else []
    width = max(len(one.text or "all texts") for one in found)
    for one in found:
        change = interval(dataclasses.asdict(one.difference))
        pairs = f"{one.pairs} pair{'s' * (one.pairs != 1)}"
        lines.append(
            f"  {(one.text or 'all texts').ljust(width)}  {change}, {pairs}, {one.cpu_ratio:.2f} x the CPU seconds"
        )
        lines.append(f"  {'':{width}}  {one.verdict}")
    if min(one.pairs for one in found) < FEW:
        lines += ["", f"Fewer than {FEW} seeds: an interval of so few is wide."]
        lines += ["Choose the number before you look: an early look is not the answer."]
    return "\n".join(lines)


def comparisons(first: str, every: dict[str, list[Paired]]) -> str:
    """Every recipe against the first over all texts, a line each, with the number of texts on which it is better or
    worse; then each text."""
    lines = [("RECIPE", f"MINUS {first.upper()}", "PAIRS", "CPU", "BETTER", "WORSE")]
    for name, found in every.items():
        whole, texts = found[-1], [one for one in found if one.text is not None]
        counts = [sum(one.verdict.endswith(word) for one in texts) for word in (" better", " worse")]
        change = interval(dataclasses.asdict(whole.difference))
        of = f" of {len(texts)}"
        lines.append((name, change, str(whole.pairs), f"{whole.cpu_ratio:.2f}", f"{counts[0]}{of}", f"{counts[1]}{of}"))
    told = _aligned(lines, left=(0, 1))
    told += [
        "Bits per byte over all texts, seed by seed, with the 95 % interval (below zero:",
        "better). CPU: seconds, as a ratio. BETTER, WORSE: texts whose interval says so.",
        "",
    ]
    if any(len(found) > 1 for found in every.values()):
        rows = [
            (name, one.text, interval(dataclasses.asdict(one.difference)))
            for name, found in every.items()
            for one in found
            if one.text
        ]
        told += [f"  {line}" for line in _aligned(rows, left=(0, 1, 2))]
    return "\n".join(told).rstrip()


def what_differs(results: Sequence[Result], first: str, second: str) -> dict[str, tuple[Any, Any]]:
    """The fields of the two recipes that are not the same, with both values; where a recipe goes by its text, with
    those of the texts in turn."""
    sides = [{one.text: one.facts for one in reversed(results) if one.recipe == name} for name in (first, second)]
    texts = [one for one in dict.fromkeys(one.text for one in results) if all(one in side for side in sides)]
    pairs = [[side[text] for side in sides] for text in texts] or [[next(iter(side.values())) for side in sides]]
    names = dict.fromkeys(name for one, other in pairs for name, _, _ in differences(one, other) if name != "text")
    return {name: tuple(_of_texts([flat(one[k]).get(name) for one in pairs]) for k in (0, 1)) for name in names}


def _of_texts(values: list[Any]) -> Any:
    return values[0] if all(one == values[0] for one in values) else ", ".join(map(str, values))
