"""samples.jsonl: every answer that a run has drawn, which is what one looks at when rewards look too good."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainkit import cut_lines

NAME = "samples.jsonl"


def append_samples(folder: Path, samples: Sequence[dict[str, Any]]) -> None:
    """Add a line for each."""
    with (folder / NAME).open("a", encoding="utf-8", newline="\n") as file:
        file.write("".join(json.dumps(sample, ensure_ascii=False) + "\n" for sample in samples))


def cut_samples(folder: Path, last: int) -> None:
    """Keep the answers that steps up to `last` learned from first; a resumed run draws the others again."""
    cut_lines(folder / NAME, last)
