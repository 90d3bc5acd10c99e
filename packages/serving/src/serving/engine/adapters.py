"""Adapters beside their base: a further model that shares every tensor which the adapter leaves alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from workbench import expanded, file_digest, require

from .loading import Loaded, loaded, template_of

FILES = ("adapter_config.json", "adapter_model.safetensors")


def load_adapted(
    name: str, folder: str | Path, base: Callable[[], Loaded], *, cache: Literal["int8"] | None = None
) -> Loaded:
    """The model that `base()` gives, with the adapter in `folder` (of a run of `finetuning tune`, or as peft keeps it)
    merged into the matrices that it adapts; all others, and their packed copies, are the base's own.

    It has as many places as the base, and the adapter's chat template where it has one. ValueError for a folder that
    is no adapter or one of another base, and for a base in another precision than float32, where merging would round
    the adapter away.
    """
    finetuning = require("finetuning", "serving", "finetuning")
    own = base()
    if own.served.precision != "float32":
        raise ValueError(
            f"--adapter {name}: wanted a base in float32, got {own.served.name} in {own.served.precision}, which would "
            f"round a small correction away; leave --precision out, or serve what `finetuning merge` writes"
        )
    place = adapter_folder(expanded(folder))
    try:
        adapted, _ = finetuning.load_adapter(place, own.model)
    except ValueError as error:
        raise ValueError(f"--adapter {name}: {error}") from None
    return loaded(
        name,
        str(place),
        finetuning.merged(adapted).eval(),
        own.tokenizer,
        parts={"base": own.served.system_fingerprint, **{file: file_digest(place / file) for file in FILES}},
        precision=own.served.precision,
        rows=own.batch.max_rows,
        cache=cache,
        packed=own.packed,
        parent=own.served,
        template=template_of(place),
    )


def adapter_folder(folder: Path) -> Path:
    """Where the adapter lies in a run of `finetuning tune`; else the folder itself."""
    return folder / "adapter" if (folder / "run.json").is_file() else folder
