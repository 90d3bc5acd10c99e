"""`quantization convert`: a model in float in, a folder with whole numbers out."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import read_object, read_utf8, shown, tell_next

from .settings import Convert

if TYPE_CHECKING:
    from gpt2 import GPT2, Tokenizer

    from ..rounding.calibration import Calibration


def run_convert(command: Convert) -> None:
    """ValueError, in the words of the command line, for what makes no sense."""
    from ..schemes import scheme

    if command.equalise and command.calibrate is None:
        raise ValueError("--equalise: wanted a text to find the loud inputs with, got none; give --calibrate FILE")
    if command.out.exists() and (not command.out.is_dir() or any(command.out.iterdir())):
        raise ValueError(
            f"--out: wanted a folder that does not exist yet, or is empty, got {command.out}; name another"
        )
    how = {"": command.to} if command.plan is None else read_plan(command.plan)
    if {str(scheme(one)) for one in how.values()} == {"float32"}:
        raise ValueError(
            "--to: wanted a smaller scheme for some layer, got float32 for all; the model has that already"
        )
    if not command.equalise:
        check_use(command.calibrate, list(how.values()))
    text = None if command.calibrate is None else read_utf8(command.calibrate)
    import gpt2

    from ..conversion import quantize
    from ..files.gpt2 import save

    model, tokenizer = gpt2.load(command.source)
    seen = calibration_on(model, tokenizer, text, command.tokens)
    changed = model
    if command.equalise and seen is not None:
        from ..rounding.equalisation import equalise

        changed, seen = equalise(model, seen, command.to)
    with shown("quantization", "rounding the layers") as progress:
        small = quantize(
            changed, command.to if command.plan is None else how, calibration=seen, keep=command.keep, progress=progress
        )
    save(command.out, small, tokenizer)
    say_sizes(model, small, command.out)


def check_use(calibrate: Path | None, schemes: Sequence[str]) -> None:
    """ValueError for a text to calibrate with that no scheme is rounded by."""
    from ..schemes import scheme

    if calibrate is not None and not any(scheme(name).name == "int4" for name in schemes):
        raise ValueError(
            f"--calibrate: wanted int4 among the schemes, which alone is rounded by a text, got "
            f"{', '.join(sorted(set(schemes)))}; leave it out, or choose int4"
        )


def calibration_on(model: "GPT2", tokenizer: "Tokenizer", text: str | None, tokens: int) -> "Calibration | None":
    """What the model's layers see on a text, if there is one; ValueError where it or `tokens` is too short."""
    from ..rounding.calibration import TOKENS, calibrate_on_text, tokens_needed

    if text is None:
        return None
    needed, why = tokens_needed(model)
    if tokens < needed:
        raise ValueError(f"--tokens: wanted at least {needed:,} ({why}), got {tokens:,}; {TOKENS:,} are usual")
    with shown("quantization", "reading the text to calibrate with") as progress:
        return calibrate_on_text(model, tokenizer, text, tokens=tokens, progress=progress)


def say_sizes(model: Any, small: Any, out: Path) -> None:
    from ..module_tree import bytes_of

    before, after = bytes_of(model), bytes_of(small)
    sys.stderr.write(
        f"quantization: {before / 1e6:,.1f} MB became {after / 1e6:,.1f} MB ({after / before:.1%}) in {out}\n"
    )
    tell_next("quantization", ["quantization", "generate", str(out), "--prompt", "The"], beside_results=True)


def read_plan(path: Path) -> Mapping[str, str]:
    """Schemes by the names of layers, as `search` writes them."""
    try:
        plan = read_object(path)["layers"]
        return {str(name): str(how) for name, how in plan.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"--plan: wanted what `quantization search` writes, got {error!r} in {path}") from None
