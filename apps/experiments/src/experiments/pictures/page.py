"""page.html: a sweep as loss against CPU seconds, in one file that loads nothing from elsewhere."""

import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from workbench import write_text

from ..results import Result
from .tables import interval, summary, what_differs


def write_page(results: Sequence[Result], out: Path, name: str) -> Path:
    """Write the page of these results and return its path."""
    import jinja2

    recipes = list(dict.fromkeys(one.recipe for one in results))
    first = recipes[0]
    differing = {one: {k: list(v) for k, v in what_differs(results, first, one).items()} for one in recipes}
    points: list[dict[str, Any]] = [
        {
            "recipe": one.recipe,
            "text": one.text,
            "seed": one.seed,
            "bits": one.bits_per_byte,
            "cpu": one.cpu_seconds,
            "curve": [[spent, bits] for _, spent, bits in one.curve],
        }
        for one in results
        if one.bits_per_byte is not None
    ]
    data = {"recipes": recipes, "first": first, "differs": differing, "runs": points}
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = (resources.files(__package__) / "page.html").read_text(encoding="utf-8")
    page = environment.from_string(template).render(
        name=name,
        texts=list(dict.fromkeys(one.text for one in results)),
        rows=summary(results),
        interval=interval,
        held_out={one.text: one.held_out for one in results if one.held_out},
        data=json.dumps(data, ensure_ascii=True).replace("<", "\\u003c"),
    )
    write_text(out, page)
    return out
