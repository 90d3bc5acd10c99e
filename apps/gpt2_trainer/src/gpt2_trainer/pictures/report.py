"""RUN/report.html: all there is to see of a run in one file, with nothing to load from elsewhere."""

import base64
import dataclasses
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import gpt2
from workbench import typed, write_text

from . import figures as pictures

LOOKED_AT = "The model reads this, and every layer looks back."


def of_model(run: "gpt2.TextRun") -> tuple[bytes, bytes]:
    """Where the layers of the run's model look, and where its tokens lie, as PNG files' bytes."""
    looks = pictures.layers(run.model, run.tokenizer, LOOKED_AT)
    tokens = pictures.token_vectors(run.model, run.tokenizer, run.text.train[:10_000_000])
    return pictures.png(looks), pictures.png(tokens)


def write_report(
    run: "gpt2.TextRun", samples: Sequence[Mapping[str, Any]] = (), drawn: tuple[bytes, bytes] | None = None
) -> Path:
    """Write the report of a finished run and return its path. samples: step, loss, prompt and text of each. drawn: what
    `of_model` gave for the finished model, where it was drawn already."""
    import jinja2

    result, record, c = run.validation, run.record, run.config
    if result is None:
        raise ValueError("run: wanted one that was evaluated, got none; iterate over it to the end first")
    looks, tokens = drawn or of_model(run)
    figures = {
        "Curves": pictures.png(pictures.curves(run.folder)),
        "Where the layers look": looks,
        "Where the tokens lie": tokens,
    }
    path = run.folder / "page.html"
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string((resources.files(__package__) / "report.html").read_text(encoding="utf-8")).render(
        name=run.folder.name,
        facts={
            "Held-out loss": f"{result.loss:.4f} nats a token",
            "Perplexity": f"{result.perplexity:.2f}",
            "Bits per byte": f"{run.bits_per_byte:.4f}",
            "Parameters": f"{c.n_parameters:,}",
            "Made on": f"{run.device}, {record.precision}, seed {record.seed}",
            "Steps": f"{run.total:,} of {run.recipe.tokens_of_steps(c.n_ctx)}",
            "Text": f"{run.text.title}, {run.text.train_bytes:,} bytes, {run.text.held_out_bytes:,} held out",
        },
        figures={name: base64.b64encode(picture).decode() for name, picture in figures.items()},
        looked_at=LOOKED_AT,
        inside=typed("interpretability", ["interpretability", "page", str(run.folder), "--out", str(path)]),
        samples=samples,
        configuration={"model": dataclasses.asdict(c), "recipe": _plain(run.recipe), "versions": record.versions},
        card=(run.folder / "model" / "README.md").read_text(encoding="utf-8"),
    )
    report = run.folder / "report.html"
    write_text(report, page)
    return report


def _plain(recipe: "gpt2.Recipe") -> dict[str, object]:
    return {name: value for name, value in dataclasses.asdict(recipe).items() if name != "config"}
